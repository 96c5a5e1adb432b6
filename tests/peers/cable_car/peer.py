"""A peer over one direct connection, run by the tests.

    peer.py --role server|client --transport byte|json [--host H] [--port P] --mode MODE

A server prints `ready PORT` when it listens; port 0 lets the system choose.
Every mode ends with status 0, 1 (reason on stderr) or 2 (--timeout).

    echo                    sends every message back; MsgQuit ends it, unanswered
    source --count N        sends N numbered messages and MsgQuit, prints `sent N`;
           --await receipt  waits for a MsgJoin before it closes
           --await echo     waits for the same N messages before the MsgQuit
    talk --count N          sends N numbered messages, a hundred at a time, and wants them back:
                            prints `begun` and `said N`, sends MsgQuit
    sink --count N          wants numbers 0..N-1, prints `received N`, answers MsgJoin;
           --exact          wants the content of `source` as well
    collect [--quits Q]     prints each message as a line of JSON, in the form of the
                            wire vectors; the Q-th MsgQuit or closed stdin ends it
    vectors --file F        sends every vector that the library can send, then MsgQuit
    check --file F          wants those messages, --repeat R times over, then prints
                            `checked N` and answers MsgJoin; --decode-only: wants all
"""
import argparse
import json
import os
import threading
import time

from cable_car.direct_connect import DirectClient, DirectServer
from cable_car.messenger import Messenger

from messages import MODULES, canonical, number, numbered, rebuild
from runtime import PAUSE, fail, flush, messages, print_line, set_deadline, stop_requested, turn


def main():
    args = arguments()
    set_deadline(args.timeout)
    args.stop = stop_requested()
    args.module = MODULES[args.transport]
    sock = connected_socket(args)
    messenger = Messenger(sock, args.transport)
    try:
        MODES[args.mode](args, messenger, sock)
    except Exception as error:
        fail(f"{type(error).__name__}: {error}")
    close(messenger)
    os._exit(0)


def echo(args, messenger, sock):
    for message in incoming(messenger):
        if isinstance(message, args.module.MsgQuit):
            return flush(messenger, sock)
        messenger.send(message)


def source(args, messenger, sock):
    expected = iter([])
    if args.wait_for == "echo":
        expected = (numbered(args.transport, i) for i in range(args.count))
    for i in range(args.count):
        messenger.send(numbered(args.transport, i))
        for message in messages(messenger, pause=0) if i % 16 == 0 else ():
            same(args, message, next(expected, None))
    for wanted in expected:
        same(args, next_message(messenger), wanted)
    messenger.send(args.module.MsgQuit())
    flush(messenger, sock)
    if args.wait_for == "receipt" and not isinstance(next_message(messenger), args.module.MsgJoin):
        fail("no receipt")
    print(f"sent {args.count}", flush=True)


def talk(args, messenger, sock):
    for first in range(0, args.count, WINDOW):
        numbers = range(first, min(first + WINDOW, args.count))
        for i in numbers:
            messenger.send(numbered(args.transport, i))
        for i in numbers:
            same(args, next_message(messenger), numbered(args.transport, i))
            if i == 0:
                print("begun", flush=True)
    print(f"said {args.count}", flush=True)
    messenger.send(args.module.MsgQuit())
    flush(messenger, sock)


def sink(args, messenger, sock):
    for i in range(args.count):
        message = next_message(messenger)
        if number(message) != i:
            fail(f"wanted number {i}, got {message}")
        if args.exact:
            same(args, message, numbered(args.transport, i))
    print(f"received {args.count}", flush=True)
    answer(args, messenger, sock)


def collect(args, messenger, _sock):
    quits = 0
    while not args.stop() and not messenger.closed:
        for message in messages(messenger):
            print_line(canonical(args.transport, message))
            quits += isinstance(message, args.module.MsgQuit)
            if quits == args.quits:
                return


def vectors(args, messenger, sock):
    wanted = decoded_vectors(args)
    for decoded in wanted:
        messenger.send(rebuild(decoded))
    messenger.send(args.module.MsgQuit())
    flush(messenger, sock)
    print(f"sent {len(wanted)}", flush=True)


def check(args, messenger, sock):
    wanted = decoded_vectors(args) * args.repeat
    for i, decoded in enumerate(wanted):
        message = next_message(messenger)
        same(args, message, rebuild(decoded), f"message {i}: ")
    print(f"checked {len(wanted)}", flush=True)
    answer(args, messenger, sock)


def incoming(messenger):
    while not messenger.closed:
        yield from messages(messenger)
    fail("connection lost")


def next_message(messenger):
    """The next message; those behind it stay with the library."""
    while (message := messenger.get()) is None:
        if messenger.closed:
            fail("connection lost")
        turn(messenger)
        time.sleep(PAUSE)
    return message


def same(args, message, wanted, where=""):
    got = json.dumps(canonical(args.transport, message))
    if wanted is None:
        fail(f"{where}unexpected {got}")
    if isinstance(wanted, args.module.MsgIdentify) and isinstance(message, type(wanted)):
        # The library puts its own names in the place of absent ones, and the names first.
        vars(wanted).update({key: value for key, value in vars(message).items() if key not in vars(wanted)})
        vars(wanted).update({key: vars(wanted).pop(key) for key in vars(message)})
    if args.transport == "byte" and hasattr(wanted, "payload"):
        wanted.decode(wanted.payload)  # fills in the attributes, as in a message received
    wanted = json.dumps(canonical(args.transport, wanted))
    if got != wanted:
        fail(f"{where}wanted {wanted[:500]}, got {got[:500]}")


def answer(args, messenger, sock):
    """Sends the receipt and takes what was still under way, so that no reset follows."""
    messenger.send(args.module.MsgJoin())
    flush(messenger, sock)
    until = time.monotonic() + 0.2
    while time.monotonic() < until and not messenger.closed:
        for message in messages(messenger):
            if isinstance(message, args.module.MsgQuit):
                return


def decoded_vectors(args):
    """The messages of the vectors of the transport, in file order."""
    with open(args.file, encoding="utf-8") as file:
        entries = json.load(file)["vectors"]
    directions = ("either", "decode-only") if args.decode_only else ("either",)
    return [
        decoded
        for entry in entries
        if entry["direction"] in directions
        for decoded in entry["decoded"].get("messages", [entry["decoded"]])
        if decoded["transport"] == args.transport
    ]


def close(messenger):
    try:
        messenger.close()
    except OSError:
        pass  # raised when the other side has reset the connection


def connected_socket(args):
    if args.role == "server":
        connector = DirectServer(args.port, args.host)
        threading.Thread(target=announce_port, daemon=True).start()
    else:
        connector = DirectClient(args.port, args.host)
    connector.connect()
    return connector.socket


def announce_port():
    """Prints the port of this program's listening socket; the library keeps it to itself."""
    while True:
        for inode, port in listening().items():
            if inode in own_sockets():
                return print(f"ready {port}", flush=True)
        time.sleep(PAUSE)


def listening():
    """Inode to port of all TCP sockets that listen."""
    with open("/proc/self/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return {row[9]: int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


def own_sockets():
    inodes = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            inodes.add(os.readlink(f"/proc/self/fd/{fd}").removeprefix("socket:[").rstrip("]"))
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return inodes


def arguments():
    usage = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=usage)
    parser.add_argument("--role", choices=("client", "server"), required=True)
    parser.add_argument("--transport", choices=tuple(MODULES), required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8223)
    parser.add_argument("--mode", choices=tuple(MODES), required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--await", dest="wait_for", choices=("nothing", "receipt", "echo"), default="nothing")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--quits", type=int, default=1)
    parser.add_argument("--file")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--decode-only", action="store_true")
    parser.add_argument("--timeout", type=float, default=60.0)
    return parser.parse_args()


WINDOW = 100  # messages under way

MODES = {
    "echo": echo,
    "source": source,
    "talk": talk,
    "sink": sink,
    "collect": collect,
    "vectors": vectors,
    "check": check,
}

if __name__ == "__main__":
    main()
