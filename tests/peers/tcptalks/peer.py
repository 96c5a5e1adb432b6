"""A TCPTalks peer, run by the tests.

    peer.py --role listen|connect|serve --variant current|old [--host H] [--port P] [--password JSON]

`listen` takes one client, `connect` dials, `serve` takes several. Who listens prints `ready PORT`; port 0 lets the
system choose. The outcome of an opening is a line of JSON: {"opened": true}, {"opened": false} or {"error": ..};
of `serve`, {"client": IDENTITY} for each client, with `null` for those who are refused.

Then each line of standard input is a command, answered with one line:

    {"do": "execute", "opcode": O, "args": [..], "kwargs": {..}}    {"value": ..} or {"error": {..}}
    {"do": "send", "opcode": O, "args": [..], "kwargs": {..}}       {"key": K}
    {"do": "poll", "key": K}                                        {"value": ..} or {"error": {..}}
    {"do": "many", "count": N}                                      N echoes one by one: {"done": N}
    {"do": "burst", "count": N}                                     N echoes at once: {"done": N}
    {"do": "say", "count": N}                                       N words that come back as calls: "begun", {"done": N}
    {"do": "double", "count": N}                                    N numbers to be doubled, one by one: {"done": N}
    {"do": "reply", "key": K, "args": [..]}                         a slave message of one's own: {"done": 1}
    {"do": "raw", "hex": ".."}                                      bytes as they are: {"done": LEN}
    {"do": "release"}                                               lets the handler `wait` go on: {"done": 1}
    {"do": "calls"}                                                 how many calls came in: {"done": N}
    {"do": "closed"}                                                waits for the other side's end: {"closed": true}
    {"do": "disconnect"}                                            {"done": 0}

A `timeout` in seconds may be given to all that wait, and `to`, an identity, to `serve`. The end of standard input ends
the program with status 0; a deadline (--deadline) with status 2.
"""
import argparse
import json
import os
import queue
import sys
import threading

import talks
from handlers import RELEASED, bound, from_json, to_json


def main():
    args = arguments()
    timer = threading.Timer(args.deadline, os._exit, (2,))
    timer.daemon = True
    timer.start()
    args.password = json.loads(args.password)
    peer = ROLES[args.role](args)
    for line in sys.stdin:
        command = json.loads(line)
        talking = peer.clients[command["to"]] if args.role == "serve" else peer
        say(obey(talking, command))
    os._exit(0)


def obey(peer, command):
    name = command["do"]
    try:
        return COMMANDS[name](peer, command)
    except Exception as error:
        return {"error": described(error)}


def execute(peer, command):
    args, kwargs = arguments_of(command)
    if "timeout" in command:
        kwargs["timeout"] = command["timeout"]
    return {"value": to_json(peer.execute(from_json(command["opcode"]), *args, **kwargs))}


def send(peer, command):
    args, kwargs = arguments_of(command)
    return {"key": peer.send(from_json(command["opcode"]), *args, **kwargs)}


def poll(peer, command):
    return {"value": to_json(peer.poll(command["key"], command.get("timeout", peer.patience)))}


def many(peer, command):
    for number in range(command["count"]):
        same(peer.execute(0x10, [number, str(number)]), [number, str(number)])
    return {"done": command["count"]}


def burst(peer, command):
    keys = [peer.send(0x10, number) for number in range(command["count"])]
    for number, key in enumerate(keys):
        same(peer.poll(key, peer.patience), number)
    return {"done": command["count"]}


def words(peer, command):
    """A few at a time: whoever gives them back takes no more until we have read those."""
    back = queue.Queue()
    peer.handlers[SAY] = lambda number, text: back.put((number, text))
    for first in range(0, command["count"], WINDOW):
        numbers = range(first, min(first + WINDOW, command["count"]))
        keys = [peer.send(SAY, number=number, text="number %d" % number) for number in numbers]
        for number, key in zip(numbers, keys):
            same(peer.poll(key, peer.patience), None)
            same(back.get(timeout=peer.patience), (number, "number %d" % number))
        if not first:
            say("begun")
    return {"done": command["count"]}


def double(peer, command):
    for number in range(command["count"]):
        same(peer.execute(DOUBLE, number), 2 * number)
    return {"done": command["count"]}


def reply(peer, command):
    peer._write((talks.REPLY, command["key"], tuple(from_json(command["args"]))))
    return {"done": 1}


def raw(peer, command):
    data = bytes.fromhex(command["hex"])
    peer.sock.sendall(data)
    return {"done": len(data)}


def release(_peer, _command):
    RELEASED.set()
    return {"done": 1}


def calls(peer, _command):
    return {"done": peer.calls}


def closed(peer, command):
    return {"closed": peer.is_closed.wait(command.get("timeout", peer.patience))}


def disconnect(peer, _command):
    peer.disconnect()
    return {"done": 0}


def same(got, wanted):
    if got != wanted:
        raise AssertionError("wanted %r, got %r" % (wanted, got))


def arguments_of(command):
    return from_json(command.get("args", [])), from_json(command.get("kwargs", {}))


def described(error):
    return {
        "module": type(error).__module__,
        "name": type(error).__name__,
        "bases": [base.__name__ for base in type(error).__mro__],
        "args": [to_json(item) for item in error.args],
        "text": str(error),
        "frames": getattr(error, "remote_traceback", None),
    }


def make(args):
    handlers = bound(args.variant, args.identity)
    return lambda sock: talks.Talks(sock, args.variant, handlers, args.read, args.patience)


def listening(args):
    while True:
        listener = talks.listen(args.host, args.port)
        args.port = listener.getsockname()[1]
        say("ready %d" % args.port)
        sock, _ = listener.accept()
        listener.close()  # one connection at a time
        peer = make(args)(sock)
        try:
            agreed = peer.judge(args.password, args.opening)
        except (ConnectionError, TimeoutError) as error:
            say({"error": described(error)})
            return peer
        say({"opened": agreed})
        if agreed:
            return peer
        peer.disconnect()


def connecting(args):
    sock = talks.connect(args.host, args.port, args.patience)
    sock.settimeout(None)
    peer = make(args)(sock)
    if args.silent:
        return peer
    try:
        peer.authenticate(args.password, args.opening)
        say({"opened": True})
    except talks.AuthentificationError:
        say({"opened": False})
    except (ConnectionError, TimeoutError) as error:
        say({"error": described(error)})
    return peer


def serving(args):
    listener = talks.listen(args.host, args.port)
    say("ready %d" % listener.getsockname()[1])
    server = talks.Server(listener, args.password, make(args), timeout=args.opening)

    def accept():
        while True:
            say({"client": server.accept()})

    threading.Thread(target=accept, daemon=True).start()
    return server


def say(value):
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def arguments():
    usage = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=usage)
    parser.add_argument("--role", choices=tuple(ROLES), required=True)
    parser.add_argument("--variant", choices=(talks.CURRENT, talks.OLD), default=talks.CURRENT)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=25565)
    parser.add_argument("--password", default="null")
    parser.add_argument("--identity", default="python")
    parser.add_argument("--silent", action="store_true", help="never send a password")
    parser.add_argument("--opening", type=float, default=10.0, help="how long an opening may take")
    parser.add_argument("--patience", type=float, default=30.0, help="how long a reply may take")
    parser.add_argument("--read", type=int, default=256, help="the most bytes of one arrival")
    parser.add_argument("--deadline", type=float, default=100.0)
    return parser.parse_args()


# What boards are told and asked.
SAY, DOUBLE, WINDOW = 0x20, 0x21, 16

ROLES = {"listen": listening, "connect": connecting, "serve": serving}
COMMANDS = {
    "execute": execute,
    "send": send,
    "poll": poll,
    "many": many,
    "burst": burst,
    "say": words,
    "double": double,
    "reply": reply,
    "raw": raw,
    "release": release,
    "calls": calls,
    "closed": closed,
    "disconnect": disconnect,
}

if __name__ == "__main__":
    main()
