// The live view. All that peers say is put in as text, never as markup.
'use strict';

const $ = (id) => document.getElementById(id);
const POINTS = 240; // a minute, at four ticks a second
const SHOWN = 300;  // entries of the log that are drawn
const KEPT = 1000;  // entries that the filter looks through

const peers = new Map();   // id -> { data, history, row }
let log = [];              // newest last
let hub = { listening: [], messages: [] };
let dropTarget = null;

// ---- Making elements

function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function svg(tag, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Changes a text only if it differs, so that what is selected stays so. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// ---- Numbers

function short(number) {
  if (number === 0) return '0';
  if (number < 10) return number.toFixed(1);
  if (number < 1000) return number.toFixed(0);
  if (number < 1e6) return (number / 1e3).toFixed(number < 1e4 ? 1 : 0) + 'k';
  return (number / 1e6).toFixed(number < 1e7 ? 1 : 0) + 'M';
}

function whole(number) {
  return number < 10000 ? String(number) : short(number);
}

function bytes(number) {
  if (number < 1000) return Math.round(number) + ' B';
  if (number < 1e6) return (number / 1e3).toFixed(number < 1e4 ? 1 : 0) + ' kB';
  if (number < 1e9) return (number / 1e6).toFixed(number < 1e7 ? 1 : 0) + ' MB';
  return (number / 1e9).toFixed(1) + ' GB';
}

function time(millis) {
  if (millis === null) return '–';
  if (millis < 1) return Math.round(millis * 1000) + ' µs';
  return millis < 10 ? millis.toFixed(1) + ' ms' : Math.round(millis) + ' ms';
}

function ago(since) {
  const seconds = Math.max(0, Math.round((Date.now() - since) / 1000));
  if (seconds < 60) return seconds + ' s';
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min';
  if (seconds < 86400) return Math.floor(seconds / 3600) + ' h';
  return Math.floor(seconds / 86400) + ' d';
}

const nameOf = (peer) => peer.name ?? peer.address ?? 'peer ' + peer.id;

// ---- Peers

function makeRow(id) {
  const name = el('b'), where = el('small');
  const area = svg('path', { class: 'area' }), into = svg('path', { class: 'in' }), out = svg('path', { class: 'out' });
  const plot = svg('svg', { viewBox: '0 0 100 34', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  plot.append(svg('path', { class: 'base', d: 'M0 33.5H100' }), area, out, into);
  const rateIn = el('b'), rateOut = el('small');
  const cells = {};
  const number = (key, label) => {
    const cell = el('td', { className: 'number' });
    cell.dataset.label = label;
    cell.append(el('span'), el('small'));
    cells[key] = cell;
    return cell;
  };
  const say = el('button', { type: 'button', textContent: 'Message' });
  const file = el('button', { type: 'button', textContent: 'File…' });
  const leave = el('button', { type: 'button', textContent: 'Disconnect', className: 'leave' });
  const row = el('tr', {},
    el('td', { className: 'who' }, name, where),
    el('td', { className: 'rate-cell' }, el('div', { className: 'rate' }, plot, el('div', { className: 'now' }, rateIn, rateOut))),
    number('in', 'In'), number('out', 'Out'), number('queued', 'Queued'),
    number('trip', 'Round trip'), number('since', 'Since'),
    el('td', { className: 'todo' }, say, file, leave));
  row.dataset.peer = id;
  say.onclick = () => { choose(id); $('key').focus(); };
  file.onclick = () => {
    if (isDisabled(file)) return;
    dropTarget = id;
    $('file').click();
  };
  leave.onclick = () => disconnect(id);
  row.addEventListener('dragover', (event) => {
    event.preventDefault();
    const takes = peers.get(id)?.data.files;
    event.dataTransfer.dropEffect = takes ? 'copy' : 'none';
    row.classList.toggle('over', takes);
  });
  row.addEventListener('dragleave', () => row.classList.remove('over'));
  row.addEventListener('drop', (event) => {
    event.preventDefault();
    row.classList.remove('over');
    sendFiles(id, event.dataTransfer.files);
  });
  return { row, name, where, area, into, out, rateIn, rateOut, cells, say, file, leave };
}

function showPeer(peer) {
  const { data, parts, history } = peer;
  const away = data.state === 'away';
  put(parts.name, nameOf(data));
  parts.name.title = nameOf(data);
  put(parts.where, [away ? 'away' : null, data.protocol, data.name ? data.address : null].filter(Boolean).join(' · '));
  parts.where.title = parts.where.textContent;
  parts.row.classList.toggle('away', away);
  plot(parts, history);
  put(parts.rateIn, short(data.rates.messages_in) + ' in');
  put(parts.rateOut, short(data.rates.messages_out) + ' out');
  const cell = (key, text, small = '') => {
    const [big, less] = parts.cells[key].children;
    put(big, text);
    put(less, small);
  };
  cell('in', whole(data.messages_in), bytes(data.bytes_in));
  cell('out', whole(data.messages_out), bytes(data.bytes_out));
  cell('queued', data.queued === 0 ? '0' : bytes(data.queued));
  cell('trip', time(data.round_trip_ms));
  parts.cells.trip.title = data.round_trip_ms === null ? data.protocol + ' has no word for it' : '';
  if (data.protocol === 'native' && data.round_trip_ms === null) parts.cells.trip.title = 'not measured yet';
  cell('since', ago(data.since), data.resumed === 0 ? '' : `back ${data.resumed}×`);
  parts.cells.since.title = data.resumed === 0 ? '' : `resumed ${data.resumed} times over another connection`;
  disable(parts.file, data.files ? null : data.protocol + ' carries no files');
}

/** Messages a second: in as an area, out as a dotted line. */
function plot({ area, into, out }, history) {
  const most = Math.max(1, ...history.map((point) => Math.max(...point)));
  const x = (at) => (100 * (POINTS - history.length + at) / (POINTS - 1)).toFixed(2);
  const y = (value) => (33.5 - 32 * value / most).toFixed(2);
  const path = (index) => history.map((point, at) => x(at) + ' ' + y(point[index])).join('L');
  const isThere = history.length > 1;
  area.setAttribute('d', isThere ? `M${x(0)} 33.5L${path(0)}L100 33.5Z` : '');
  into.setAttribute('d', isThere ? 'M' + path(0) : '');
  out.setAttribute('d', isThere ? 'M' + path(1) : '');
}

function takePeers(all, isTick) {
  const here = new Set();
  for (const data of all) {
    here.add(data.id);
    let peer = peers.get(data.id);
    if (!peer) {
      peer = { parts: makeRow(data.id), history: [] };
      peers.set(data.id, peer);
      $('rows').append(peer.parts.row);
    }
    peer.data = data;
    if (data.history) peer.history = data.history;
    else if (isTick) peer.history.push([data.rates.messages_in, data.rates.messages_out]);
    if (peer.history.length > POINTS) peer.history.splice(0, peer.history.length - POINTS);
    showPeer(peer);
  }
  for (const [id, peer] of peers) {
    if (here.has(id)) continue;
    peer.parts.row.remove();
    peers.delete(id);
  }
  $('empty').hidden = peers.size > 0;
  $('table').hidden = peers.size === 0;
  put($('count'), peers.size ? String(peers.size) : '');
  showChoices();
}

/** The peers to choose from, where they are others than before. */
function showChoices() {
  const listed = [...peers.values()].map(({ data }) => [String(data.id), `${nameOf(data)} (${data.protocol})`]);
  for (const [select, first] of [[$('to'), peers.size ? null : 'no peer'], [$('of'), 'all peers']]) {
    const wanted = (first === null ? [] : [['', first]]).concat(listed);
    const shown = [...select.options].map((option) => [option.value, option.textContent]);
    if (JSON.stringify(wanted) === JSON.stringify(shown)) continue;
    const chosen = select.value;
    select.replaceChildren(...wanted.map(([value, text]) => el('option', { value, textContent: text })));
    if (wanted.some(([value]) => value === chosen)) select.value = chosen;
    select.dispatchEvent(new Event('change'));
  }
}

// ---- What can be said

function isDisabled(button) {
  return button.getAttribute('aria-disabled') === 'true';
}

/** Disabled buttons can be reached all the same, and say why. */
function disable(button, reason) {
  button.setAttribute('aria-disabled', String(reason !== null));
  button.title = reason ?? '';
}

function choose(id) {
  $('to').value = String(id);
  $('to').dispatchEvent(new Event('change'));
}

const chosen = () => peers.get(Number($('to').value))?.data;

const FORMATS = {
  bytes: [['hex', 'hex'], ['text', 'text'], ['body', 'JSON']],
  value: [['body', 'JSON']],
  arguments: [['arguments', 'JSON: arguments']],
};

const PLACEHOLDERS = {
  hex: '01 a0 ff', text: 'hello', body: '{"celsius": 21.5}', arguments: '[1, 2] or {"fast": true}',
};

$('to').onchange = () => {
  const peer = chosen();
  for (const [id, { parts }] of peers) parts.row.classList.toggle('chosen', id === peer?.id && peers.size > 1);
  const formats = FORMATS[peer?.body ?? 'bytes'].filter(([value]) => value !== 'body' || peer?.body !== 'bytes' || hub.messages.length);
  const before = $('format').value;
  $('format').replaceChildren(...formats.map(([value, text]) => el('option', { value, textContent: text })));
  if (formats.some(([value]) => value === before)) $('format').value = before;
  $('format').onchange();
  $('key').placeholder = peer?.body === 'value' || peer?.body === 'arguments' ? 'name' : '0x10';
  disable($('send'), peer ? null : 'there is no peer to send to');
  disable($('call'), !peer ? 'there is no peer to call' : peer.calls ? null : peer.protocol + ' has no calls');
};

$('format').onchange = () => { $('body').placeholder = PLACEHOLDERS[$('format').value]; };

/** What the form says, as a line to `ropeway connect` has it. Values go as they were typed, so that no digit is lost. */
function wording() {
  const peer = chosen();
  const key = $('key').value.trim(), body = $('body').value, format = $('format').value;
  const isCode = (peer.body === 'bytes' || peer.protocol === 'tcptalks') && /^(0x[0-9a-f]+|-?\d+)$/i.test(key);
  const named = `"${isCode ? 'code' : 'name'}":${JSON.stringify(key)}`;
  if (format === 'hex' || format === 'text') return `{${named},"${format}":${JSON.stringify(body)}}`;
  if (body.trim() === '') return `{${named}}`;
  const value = JSON.parse(body);
  const isOne = format === 'arguments' && (typeof value !== 'object' || value === null);
  return `{${named},"body":${isOne ? `[${body}]` : body}}`;
}

async function request(method, path, body, type) {
  const headers = type ? { 'Content-Type': type } : {};
  const response = await fetch(path, { method, headers, body });
  const text = await response.text();
  const value = text ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(value.error ?? response.statusText);
  return value;
}

function tell(text, isBad = false) {
  $('answer').dataset.state = isBad ? 'bad' : 'good';
  put($('answer'), text);
}

async function say(what) {
  const button = $(what === 'calls' ? 'call' : 'send');
  if (isDisabled(button)) return tell(button.title, true);
  if (!$('say').reportValidity()) return;
  const peer = chosen();
  try {
    const body = wording();
    tell(what === 'calls' ? 'waiting for the answer…' : '');
    const answer = await request('POST', `/api/peers/${peer.id}/${what}`, body, 'application/json');
    tell(what === 'calls' ? answered(answer) : 'sent to ' + nameOf(peer));
  } catch (error) {
    tell(error instanceof SyntaxError ? 'the body is no JSON: ' + error.message : error.message, true);
  }
}

function answered(line) {
  const answer = 'answer' in line ? line.answer : line;
  const isBytes = typeof answer?.hex === 'string' && Object.keys(answer).length === 1;
  return isBytes ? answer.hex : JSON.stringify(answer);
}

$('say').onsubmit = (event) => { event.preventDefault(); say('messages'); };
$('call').onclick = () => say('calls');

async function disconnect(id) {
  try {
    await request('DELETE', `/api/peers/${id}`);
  } catch (error) {
    tell(error.message, true);
  }
}

async function sendFiles(id, files) {
  const peer = peers.get(id)?.data;
  if (!peer) return;
  if (!peer.files) return tell(peer.protocol + ' carries no files', true);
  for (const file of files) {
    if (file.size > hub.upload_limit) {
      tell(`${file.name} is larger than ${bytes(hub.upload_limit)}`, true);
      continue;
    }
    try {
      tell(`offering ${file.name} to ${nameOf(peer)}…`);
      await request('PUT', `/api/peers/${id}/files/${encodeURIComponent(file.name)}`, file, 'application/octet-stream');
      tell(`${file.name} is offered to ${nameOf(peer)}`);
    } catch (error) {
      tell(`${file.name}: ${error.message}`, true);
    }
  }
}

$('file').onchange = () => {
  if (dropTarget !== null) sendFiles(dropTarget, [...$('file').files]);
  $('file').value = '';
};

// A file that misses every peer must not take the page's place.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => event.preventDefault());

// ---- What happened

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const WORDS = {
  listening: 'listening', page: 'page served', joined: 'joined', away: 'away', back: 'back', left: 'left',
  turned_away: 'turned away', message: 'message', request: 'request', answer: 'answer', file: 'file', found: 'found',
  lost: 'lost from the network', trouble: 'trouble',
};

function entry(happened) {
  const arrow = { in: 'from', out: 'to' }[happened.direction];
  const who = happened.who ?? happened.address ?? (happened.peer ? 'peer ' + happened.peer : '');
  const head = el('div', { className: 'head' },
    el('span', { textContent: [WORDS[happened.event] ?? happened.event, arrow].filter(Boolean).join(' ') }),
    el('b', { textContent: who, title: who }),
    el('time', { textContent: clock.format(happened.at), dateTime: new Date(happened.at).toISOString() }));
  const item = el('li', {}, head);
  if (happened.says !== undefined) {
    item.append(el('p', { className: 'says' }, el('em', { textContent: happened.title }), ' ' + happened.says));
  }
  if (happened.text !== undefined) item.append(el('p', { className: 'plain', textContent: happened.text }));
  item.classList.toggle('bad', ['trouble', 'turned_away'].includes(happened.event));
  return item;
}

function isWanted(happened) {
  const of = $('of').value;
  if (of && String(happened.peer) !== of) return false;
  const needle = $('filter').value.trim().toLowerCase();
  if (!needle) return true;
  const words = [WORDS[happened.event], happened.who, happened.address, happened.protocol, happened.title, happened.says, happened.text];
  return words.some((word) => word?.toLowerCase().includes(needle));
}

function showLog(all) {
  const fresh = all.filter(isWanted).slice(-SHOWN).reverse().map(entry);
  const list = $('log');
  // Who reads further down is not moved.
  const height = list.scrollTop > 0 ? list.scrollHeight : null;
  list.prepend(...fresh);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
  if (height !== null) list.scrollTop += list.scrollHeight - height;
  $('nothing').hidden = list.children.length > 0;
  put($('nothing'), log.length ? 'Nothing of what was said is like that.' : 'Nothing has been said yet.');
}

function redrawLog() {
  $('log').replaceChildren();
  showLog(log);
}

$('filter').oninput = redrawLog;
$('of').onchange = redrawLog;

function announce(all) {
  const told = all.filter(({ event }) => ['joined', 'left', 'away', 'back', 'file'].includes(event));
  if (told.length) put($('announce'), told.map((it) => `${it.who ?? it.address ?? ''} ${WORDS[it.event]} ${it.event === 'file' ? it.text : ''}`).join(', '));
}

function takeUnshown(count) {
  put($('unshown'), count ? `${whole(count)} came too fast to be shown` : '');
}

// ---- The hub

/** An address that can be dialled from where this page is looked at. */
function dialled(address) {
  return address.replace(/^(0\.0\.0\.0|\[::\])(?=:\d+$)/, location.hostname);
}

function takeHub(about) {
  hub = about;
  put($('name'), hub.name);
  document.title = hub.name;
  const port = ({ protocol, address }) => el('li', {}, protocol + ' ', el('code', { textContent: dialled(address) }));
  $('ports').replaceChildren(...hub.listening.map(port));
  const way = ({ protocol, address }) => el('li', {}, el('strong', { textContent: `${protocol} at ${dialled(address)}` }),
    el('code', { textContent: `ropeway connect ${dialled(address)}` + (protocol === 'native' ? '' : ` --protocol ${protocol}`) }));
  $('ways').replaceChildren(...hub.listening.map(way));
  $('messages').replaceChildren(...hub.messages.map((value) => el('option', { value })));
}

function takeAll(data) {
  takeHub(data.hub);
  takePeers(data.peers, false);
  log = data.log.slice(-KEPT);
  redrawLog();
  takeUnshown(data.unshown);
}

function live(state, text) {
  $('live').dataset.state = state;
  put($('live'), text);
}

/** Follows what happens, for as long as the page is open. */
function follow() {
  const events = new EventSource('/api/events');
  events.addEventListener('hello', ({ data }) => {
    takeAll(JSON.parse(data));
    live('live', 'live');
  });
  events.addEventListener('resync', ({ data }) => {
    const all = JSON.parse(data);
    takeAll(all);
    live('live', `live, ${all.missed} updates missed`);
  });
  events.addEventListener('tick', ({ data }) => takeTick(JSON.parse(data)));
  events.onerror = () => {
    live('lost', 'connection lost, trying again');
    // The browser tries again by itself unless it was refused.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  };
}

function takeTick({ peers: rows, log: fresh, unshown }) {
  takePeers(rows, true);
  if (fresh.length) {
    log = log.concat(fresh).slice(-KEPT);
    showLog(fresh);
    announce(fresh);
  }
  takeUnshown(unshown);
}

$('to').onchange();
follow();
