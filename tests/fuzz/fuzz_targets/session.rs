#![no_main]

//! One end of a native session, attacked by bytes and by frames, in every phase.
//!
//! ```text
//! 0  options     1  phase     2  pieces     3  what the stream is made of
//! ```
//!
//! The stream is bytes as they are, or is cut into frames whose lengths are put right. It never panics, takes no more
//! memory than it was lent, says nothing but frames, and ends with a name once a rule is broken.

use libfuzzer_sys::fuzz_target;
use ropeway_core::dialect::native::{
    Adapt, CallId, Config, Enforce, Native, Notice, Policy, Reason,
};
use ropeway_core::message::{Answer, Call, Refusal};
use ropeway_core::time::Duration;
use ropeway_core::{Event, Instant, Messenger, SendError};
use ropeway_fuzz::rig::{Ask, Mark, Memory, Note, Random, Told, Wish, Words};

type Talk<M> = Messenger<Native<Config, M>, Memory>;

fuzz_target!(|data: &[u8]| {
    let &[options, phase, pieces, ref stream @ ..] = data else {
        return;
    };
    let stream = match options & 1 {
        0 => stream.to_vec(),
        _ => framed(stream),
    };
    let random = Random::new(pieces.into());
    match options & 2 {
        0 => Attack::new(options, phase, random, Enforce).run(&stream),
        _ => Attack::new(options, phase, random, Adapt::default()).run(&stream),
    }
});

/// The stream as frames: `[length][content]`, with a length of zero for a long frame.
fn framed(mut stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let [len, rest @ ..] = stream {
        let len = usize::from(*len).clamp(1, rest.len().max(1));
        let (content, rest) = rest.split_at(len.min(rest.len()));
        match content {
            [] => {}
            [_, body @ ..] if len < 200 => {
                let len = u8::try_from(2 + body.len()).expect("short");
                out.push(len);
                out.extend(content);
            }
            [_, body @ ..] => {
                out.push(0);
                out.extend(u32::try_from(body.len()).expect("short").to_le_bytes());
                out.extend(content);
            }
        }
        stream = rest;
    }
    out
}

struct Attack<M> {
    talk: Talk<M>,
    random: Random,
    now: u64,
    memory: (usize, usize),
    is_dialler: bool,
    /// What it has said on this transport.
    said: Vec<u8>,
    is_broken: bool,
    calls: u32,
}

impl<M: ropeway_core::dialect::native::Codes> Attack<M> {
    fn new(options: u8, phase: u8, mut random: Random, codes: M) -> Self {
        let is_dialler = options & 4 == 0;
        let config = |epoch, policy| {
            let mut config = Config::new(epoch).registry(Words::ENTRIES, policy);
            if options & 8 != 0 {
                config = config.silence(Duration::from_secs(1)).keep_in_doubt();
            }
            config.window(random_window(options))
        };
        let policy = match options & 2 {
            0 if options & 32 != 0 => Policy::Enforce,
            0 => Policy::Unchecked,
            _ => Policy::Adapt,
        };
        let native = match is_dialler {
            true => Native::dialling(config(1, policy)),
            false => Native::listening(config(1, policy)).seed(5),
        };
        let memory = random.one_of(&[(140, 96), (256, 256), (1024, 300), (512, 2048)]);
        let mut attack = Self {
            talk: Messenger::new(
                native.with_codes(codes),
                Memory::new(memory.0),
                Memory::new(memory.1),
            ),
            random,
            now: 0,
            memory,
            is_dialler,
            said: Vec::new(),
            is_broken: false,
            calls: 0,
        };
        attack.bring_to(phase, config(2, policy));
        attack
    }

    /// Lets an honest peer come and go.
    fn bring_to(&mut self, phase: u8, config: Config) {
        let native = match self.is_dialler {
            true => Native::listening(config),
            false => Native::dialling(config),
        };
        let mut peer = Messenger::new(native, [0; 1024], [0; 1024]);
        for _ in 0..phase % 8 {
            let bytes = peer.poll_output().to_vec();
            let room = self.talk.input_room();
            let len = bytes.len().min(room.len());
            room[..len].copy_from_slice(&bytes[..len]);
            self.talk.handle_input(len);
            peer.handle_written(len);
            self.take();
            let bytes = self.write(usize::MAX);
            let room = peer.input_room();
            let len = bytes.len().min(room.len());
            room[..len].copy_from_slice(&bytes[..len]);
            peer.handle_input(len);
            while peer.recv::<Words<'_>>().is_some() {}
            self.send();
        }
        if phase & 8 != 0 {
            self.connect();
        }
    }

    fn run(mut self, mut stream: &[u8]) {
        let mut steps = 0;
        while !stream.is_empty() && steps < 4_000 {
            steps += 1;
            match self.random.below(20) {
                0..8 => {
                    let most = self.random.one_of(&[1, 3, 20, 1000]);
                    let room = self.talk.input_room();
                    assert!(room.len() <= self.memory.0);
                    let len = room.len().min(stream.len()).min(most);
                    let (now, later) = stream.split_at(len);
                    room[..len].copy_from_slice(now);
                    self.talk.handle_input(len);
                    stream = later;
                    if len == 0 && !self.take() && self.talk.is_over().is_some() {
                        self.connect();
                    }
                }
                8..13 => drop(self.take()),
                13..16 => {
                    let most = self.random.one_of(&[1, 9, usize::MAX]);
                    self.write(most);
                }
                16 | 17 => self.send(),
                18 => {
                    self.now += self.random.next() % 900_000;
                    self.talk.handle_time(Instant::from_micros(self.now));
                }
                _ if self.random.once_in(20) => self.connect(),
                _ if self.random.once_in(40) => self.talk.dialect_mut().close(Reason::Done),
                _ => {}
            }
            assert!(self.talk.queued() <= self.memory.1);
        }
        while self.take() {}
        while !self.write(usize::MAX).is_empty() {}
        self.talk.handle_end();
        while self.take() {}
    }

    fn connect(&mut self) {
        self.talk.handle_connected();
        self.said.clear();
        self.is_broken = false;
    }

    /// Takes one event, and says whether there was one.
    fn take(&mut self) -> bool {
        let promised = self.talk.has_event();
        let Some(event) = self.talk.recv::<Words<'_>>() else {
            assert!(!promised);
            return false;
        };
        assert!(promised);
        let mut answers = None;
        match event {
            Event::Malformed(malformed) => {
                assert!(!malformed.rule.to_string().is_empty());
                if malformed.is_fatal() {
                    assert!(!self.is_broken, "broken twice");
                    self.is_broken = true;
                    assert!(self.talk.is_over().is_some(), "{malformed:?}");
                }
            }
            Event::Notice(Notice::Broken(rule)) => {
                assert!(!rule.to_string().is_empty());
            }
            Event::Notice(Notice::Bye { .. }) => assert!(self.talk.is_over().is_some()),
            Event::Request(id, Words::Ask(ask)) => answers = Some((id, ask)),
            _ => assert!(!self.is_broken, "something comes behind a broken rule"),
        }
        if let Some((id, ask)) = answers {
            self.answer(id, ask.mark);
        }
        while self.random.once_in(2) && self.talk.poll_in_doubt().is_some() {}
        true
    }

    fn answer(&mut self, id: CallId, asked: Mark) {
        let mark = asked;
        let sent = match self.random.below(2) {
            0 => {
                let value = &Told { mark, asked };
                let answer: Answer<'_, '_, _, Ask> = Answer { id, value };
                self.talk.send(&answer)
            }
            _ => self.talk.send(&Refusal::new(id, "ValueError", "no")),
        };
        fits(sent);
    }

    fn send(&mut self) {
        let mark = Mark { life: 0, index: 7 };
        let len = self.random.one_of(&[0, 9, 60, 300]);
        let id = CallId(self.calls);
        fits(match self.random.below(3) {
            0 => self.talk.send(&Note {
                mark,
                filler: &vec![5; len],
            }),
            1 => {
                self.calls += 1;
                let wish = Wish::Silence;
                self.talk.send(&Call {
                    id,
                    request: &Ask { mark, wish },
                })
            }
            _ => self.talk.cancel(id),
        });
    }

    /// Writes a part of what it has to say, and checks that all of it is frames.
    fn write(&mut self, most: usize) -> Vec<u8> {
        let has_output = self.talk.has_output();
        let output = self.talk.poll_output();
        assert!(
            has_output || output.is_empty(),
            "output that was not announced"
        );
        let bytes = output[..output.len().min(most)].to_vec();
        self.talk.handle_written(bytes.len());
        self.said.extend(&bytes);
        self.check_said();
        bytes
    }

    /// Every frame that has been said whole is one that may be said, and the first is an opening.
    fn check_said(&mut self) {
        while let [first, rest @ ..] = &self.said[..] {
            let (header, len) = match (first, rest.first_chunk()) {
                (0, Some(len)) => (5, 1 + u32::from_le_bytes(*len) as usize),
                (0, None) => return,
                (len, _) => (1, usize::from(*len) - 1),
            };
            assert!(len <= self.memory.1, "a frame of {len} bytes");
            let Some(content) = self.said.get(header..header + len) else {
                return;
            };
            let code = content[0];
            assert!(
                matches!(code, 0x10 | 0x11 | 0xE0..=0xE6 | 0xE8..=0xEB),
                "code {code:02x}"
            );
            if code == 0xE2 {
                assert!(!content[1..].is_empty(), "a farewell without a reason");
            }
            self.said.drain(..header + len);
        }
    }
}

/// What cannot be sent is refused for a reason that can be.
fn fits(sent: Result<(), SendError>) {
    assert!(
        matches!(
            sent,
            Ok(()) | Err(SendError::Full | SendError::TooLong { .. })
        ),
        "{sent:?}"
    );
}

const fn random_window(options: u8) -> u32 {
    match options & 16 {
        0 => u32::MAX,
        _ => 40,
    }
}
