# -*- coding: utf-8 -*-
"""A peer of clever-show's messaging, for Python 2.7 and 3, written from the protocol alone.

    peer.py --role server|client [--host H] --port P --root FOLDER [--timeout S]

A server prints `ready PORT` when it listens; port 0 lets the system choose. A client connects, again whenever it
has lost the connection. Both do what the other side says by actions:

    echo ...             sends the action `echo` back, with the same arguments
    source COUNT         sends COUNT numbered actions `telemetry`
    telemetry value=     is counted if it is the next numbered one
    report               sends `counted` with their number
    ask COUNT            sends COUNT requests `sum`, then `asked` with the number of right answers
    send_file FROM TO    sends a file under the root
    half_file LEN SENT   sends SENT bytes of a file of LEN, and closes the connection
    raw HEX              sends these bytes
    drop                 closes the connection
    quit                 ends the peer

Requests: `sum` of the arguments, `config` (its arguments as they are), `id`, `sha256` of a file, `filetransfer`.
`forget` is not answered at all, but closes the connection; the next one is.

    --board

has it talk to a board, which says nothing of its own accord. On its first and only connection it does what the lines of
its standard input say:

    say COUNT            says COUNT words, and wants them back in their order: `begun`, then `said COUNT`
    double COUNT         asks for COUNT numbers to be doubled: `doubled COUNT`
    nothing              asks for what the board does not know, and after that for what it does: `unanswered`
"""
from __future__ import division, print_function, unicode_literals

import argparse
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time

try:
    import queue
except ImportError:
    import Queue as queue

REQUIRED = ["byteorder", "content-type", "content-encoding", "content-length", "message-type"]


class Closed(Exception):
    pass


class Link(object):
    """One connection: messages in and out."""

    def __init__(self, sock):
        self.sock = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def take(self, count):
        parts = []
        while count:
            try:
                part = self.sock.recv(min(count, 1 << 16))
            except (OSError, socket.error):
                part = b""
            if not part:
                raise Closed()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive(self):
        (length,) = struct.unpack(">H", self.take(2))
        header = json.loads(self.take(length).decode("utf-8"))
        missing = [field for field in REQUIRED if field not in header]
        assert not missing, missing
        content = self.take(header["content-length"])
        if header["content-type"] == "json":
            content = json.loads(content.decode(header["content-encoding"]))
        return header, content

    def write(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, socket.error):
            raise Closed()

    def send(self, kind, content, binary=False, **extra):
        if not binary:
            content = dumps(content)
        self.write(head(kind, len(content), binary, extra))
        self.write(content)

    def action(self, name, *args, **kwargs):
        self.send("message", {"args": args, "kwargs": kwargs}, action=name)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, socket.error):
            pass
        self.sock.close()


def dumps(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def head(kind, length, binary, extra):
    header = {
        "byteorder": sys.byteorder,
        "content-type": "binary" if binary else "json",
        "content-encoding": "utf-8",
        "content-length": length,
        "message-type": kind,
    }
    header.update(extra)
    header = dumps(header)
    return struct.pack(">H", len(header)) + header


def numbered(number):
    return {
        "id": number,
        "ratio": number / 7,
        "nan": float("nan"),
        "name": "Zürich ドローン 🚁",
        "battery": [12.2, 1.0],
        "none": None,
        "armed": number % 2 == 0,
    }


class Peer(object):
    def __init__(self, root):
        self.root = root
        self.link = None
        self.count = 0
        self.asked = {}
        self.right = 0
        self.forgotten = set()
        self.is_done = False

    def path(self, name):
        return os.path.join(self.root, name)

    def serve(self, link):
        self.link = link
        try:
            while not self.is_done:
                self.handle(*link.receive())
        except Closed:
            pass
        finally:
            link.close()

    def handle(self, header, content):
        kind = header["message-type"]
        if kind == "message" and header["action"] == "filetransfer":
            with open(self.path(header["filepath"]), "wb") as out:
                out.write(content)
        elif kind == "message" and header["action"] == "echo":
            # As it is: Python 2 takes no named arguments beyond ASCII.
            self.link.send("message", content, action="echo")
        elif kind == "message":
            act = getattr(self, "do_" + header["action"], None)
            if act is not None:
                act(*content["args"], **dict((str(k), v) for k, v in content["kwargs"].items()))
        elif kind == "request":
            self.answer(content)
        elif kind == "response":
            expected = self.asked.pop(header["request_id"], None)
            if expected is not None:
                assert header["requested_value"] == "sum"
                self.right += content["value"] == expected
                if not self.asked:
                    self.link.action("asked", self.right)

    def answer(self, request):
        name, number = request["requested_value"], request["request_id"]
        args, kwargs = request["args"], request["kwargs"]
        extra = {"requested_value": name, "request_id": number}
        if name == "sum":
            value = sum(args)
        elif name == "config":
            value = {"args": args, "kwargs": kwargs}
        elif name == "id":
            value = "python-%d" % sys.version_info[0]
        elif name == "sha256":
            value = self.sha256(*args)
        elif name == "forget" and number not in self.forgotten:
            self.forgotten.add(number)
            raise Closed()
        elif name == "forget":
            value = {"args": args, "kwargs": kwargs}
        elif name == "filetransfer" and os.path.exists(self.path(kwargs["filepath"])):
            with open(self.path(kwargs["filepath"]), "rb") as source:
                self.link.send("response", source.read(), binary=True, **extra)
            return
        else:
            return
        self.link.send("response", {"value": value}, **extra)

    def sha256(self, name):
        digest = hashlib.sha256()
        with open(self.path(name), "rb") as source:
            for part in iter(lambda: source.read(1 << 16), b""):
                digest.update(part)
        return digest.hexdigest()

    def do_source(self, count):
        for number in range(count):
            self.link.action("telemetry", value=numbered(number))

    def do_telemetry(self, value):
        # As text, because NaN is not equal to itself.
        wanted = json.dumps(numbered(self.count), sort_keys=True)
        assert json.dumps(value, sort_keys=True) == wanted, (value, wanted)
        self.count += 1

    def do_report(self):
        self.link.action("counted", self.count)

    def do_ask(self, count):
        for number in range(count):
            self.asked["%04d" % number] = number + 1
        for number in range(count):
            content = {
                "requested_value": "sum",
                "request_id": "%04d" % number,
                "args": [number, 1],
                "kwargs": {},
            }
            self.link.send("request", content)

    def do_send_file(self, source, target):
        with open(self.path(source), "rb") as content:
            content = content.read()
        self.link.send("message", content, binary=True, action="filetransfer", filepath=target)

    def do_half_file(self, length, sent):
        extra = {"action": "filetransfer", "filepath": "half.bin"}
        self.link.write(head("message", length, True, extra) + b"x" * sent)
        raise Closed()

    def do_raw(self, digits):
        self.link.write(bytes(bytearray.fromhex(digits)))

    def do_drop(self):
        raise Closed()

    def do_quit(self):
        self.is_done = True


class Commander(Peer):
    """Talks to a board, as the lines of its standard input say."""

    def __init__(self, root):
        Peer.__init__(self, root)
        self.said = queue.Queue()
        self.answers = queue.Queue()

    def serve(self, link):
        self.link = link
        commands = threading.Thread(target=self.obey)
        commands.daemon = True
        commands.start()
        Peer.serve(self, link)
        fail("the link is lost")

    def handle(self, header, content):
        if header.get("action") == "board:say":
            self.said.put(content)
        elif header["message-type"] == "response":
            self.answers.put((header["requested_value"], header["request_id"], content))

    def obey(self):
        try:
            for line in iter(sys.stdin.readline, ""):
                command = line.split()
                getattr(self, "command_" + command[0])(*map(int, command[1:]))
        except Closed:
            fail("the link is lost")
        except queue.Empty:
            fail("the board does not answer")
        os._exit(0)

    def command_say(self, count):
        def words(number):
            return {"number": number, "text": "number %d" % number}

        for first in range(0, count, WINDOW):
            numbers = range(first, min(first + WINDOW, count))
            for number in numbers:
                self.link.action("board:say", **words(number))
            for number in numbers:
                same(self.said.get(timeout=PATIENCE), {"args": [], "kwargs": words(number)})
                if number == 0:
                    tell("begun")
        tell("said %d" % count)

    def ask(self, name, number):
        kwargs = {"number": number}
        content = {"requested_value": name, "request_id": "%04d" % number, "args": [], "kwargs": kwargs}
        self.link.send("request", content)

    def command_double(self, count):
        for number in range(count):
            self.ask("board:double", number)
        for number in range(count):
            wanted = ("board:double", "%04d" % number, {"value": 2 * number})
            same(self.answers.get(timeout=PATIENCE), wanted)
        tell("doubled %d" % count)

    def command_nothing(self):
        self.ask("board:nothing", 1)
        self.ask("board:double", 2)
        same(self.answers.get(timeout=PATIENCE), ("board:double", "0002", {"value": 4}))
        tell("unanswered")


PATIENCE = 30  # seconds for an answer
WINDOW = 100  # words under way


def same(got, wanted):
    if got != wanted:
        fail("wanted %r, got %r" % (wanted, got))


def fail(reason):
    sys.stderr.write(reason + "\n")
    sys.stderr.flush()
    os._exit(1)


def tell(line):
    print(line)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--role", choices=["server", "client"], required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--board", action="store_true")
    args = parser.parse_args()
    watch = threading.Timer(args.timeout, lambda: os._exit(2))
    watch.daemon = True
    watch.start()
    peer = (Commander if args.board else Peer)(args.root)
    if args.role == "server":
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((args.host, args.port))
        listener.listen(5)
        print("ready %d" % listener.getsockname()[1])
        sys.stdout.flush()
        while not peer.is_done:
            peer.serve(Link(listener.accept()[0]))
    else:
        while not peer.is_done:
            try:
                sock = socket.create_connection((args.host, args.port), 2)
            except (OSError, socket.error):
                time.sleep(0.02)
                continue
            sock.settimeout(None)
            peer.serve(Link(sock))


main()
