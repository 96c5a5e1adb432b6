"""A peer that finds others by broadcast, run by the tests.

    broadcast.py --transport byte|json [--udp-port 8222] [--tcp-port 8223] [--interval 1.0]
                 [--send identify|telemetry] [--every 1.0] [--allow-loopback] [--forget]
                 [--exit-after N] [--timeout 60]

Sends on each new connection MsgIdentify and MsgJoin, and with `--send telemetry` then
numbered messages every --every seconds, all connections sharing the number. Prints lines of JSON:

    {"event":"connected","address":A}      each time the library reports a socket
    {"event":"message","address":A,...}    a message, in the form of the wire vectors
    {"event":"lost","address":A}           the library has closed the connection
    {"event":"stopped","messages":N}

--forget takes the address of a lost connection from the library's table, so that it may
be found again. Ends with status 0 after --exit-after messages, on SIGTERM or when a piped
stdin closes; 1 when discovery fails; 2 after --timeout.
"""
import argparse
import os
import queue
import threading
import time

from cable_car.broadcast_connector import BroadcastConnector
from cable_car.messenger import Messenger

from messages import MODULES, canonical, numbered
from runtime import PAUSE, fail, messages, print_line, set_deadline, stop_requested, turn


class Peers:
    """The connections found so far; the library reports them on threads of its own."""

    def __init__(self, transport, connector):
        self.transport = transport
        self.connector = connector
        self.found = queue.SimpleQueue()
        self.messengers = []
        connector.on_connect_function = self.found.put
        self.failure = None
        os.nice(10)  # the library's threads never rest
        threading.Thread(target=self.discover, daemon=True).start()

    def discover(self):
        try:
            self.connector.connect()
            self.failure = "discovery ended"
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"

    def take_new(self):
        """The messengers of the sockets reported since the last call."""
        self.failure and fail(self.failure)
        new = []
        while not self.found.empty():
            sock = self.found.get()
            try:
                new.append(Messenger(sock, self.transport))
            except OSError:
                sock.close()  # the other side has gone already
        self.messengers += new
        return new

    def take_lost(self, forget):
        """The messengers that the library has closed since the last call."""
        lost = [m for m in self.messengers if m.closed]
        self.messengers = [m for m in self.messengers if not m.closed]
        for messenger in lost if forget else ():
            self.connector.sockets.pop(messenger.remote_ip, None)
        return lost

    def send(self, message):
        for messenger in self.messengers:
            messenger.send(message)

    def close(self):
        self.connector.stop_broadcasting()
        for messenger in self.messengers:
            try:
                turn(messenger)  # closing does not send what is still held
                messenger.close()
            except OSError:
                pass  # raised when the other side has reset the connection


def main():
    args = arguments()
    set_deadline(args.timeout)
    stop = stop_requested()
    module = MODULES[args.transport]
    peers = Peers(args.transport, connector(args))
    received = sent = 0
    next_send = time.monotonic()
    while not stop() and (not args.exit_after or received < args.exit_after):
        for messenger in peers.take_new():
            print_line({"event": "connected", "address": messenger.remote_ip})
            messenger.send(module.MsgIdentify())
            messenger.send(module.MsgJoin())
        if args.send == "telemetry" and peers.messengers and time.monotonic() >= next_send:
            peers.send(numbered(args.transport, sent))
            sent += 1
            next_send = time.monotonic() + args.every
        for messenger in peers.messengers:
            for message in messages(messenger):
                received += 1
                body = canonical(args.transport, message)
                print_line({"event": "message", "address": messenger.remote_ip} | body)
        for messenger in peers.take_lost(args.forget):
            print_line({"event": "lost", "address": messenger.remote_ip})
        if not peers.messengers:
            time.sleep(PAUSE)
    peers.close()
    print_line({"event": "stopped", "messages": received})
    os._exit(0)


def connector(args):
    connector = BroadcastConnector()
    connector.udp_port = args.udp_port
    connector.tcp_port = args.tcp_port
    connector.broadcast_interval = args.interval
    connector.allow_loopback = args.allow_loopback
    return connector


def add_network_arguments(parser, udp_port, tcp_port, interval):
    parser.add_argument("--udp-port", type=int, default=udp_port)
    parser.add_argument("--tcp-port", type=int, default=tcp_port)
    parser.add_argument("--interval", type=float, default=interval)
    parser.add_argument("--allow-loopback", action="store_true")
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("--exit-after", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=60.0)


def arguments():
    usage = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=usage)
    add_network_arguments(parser, 8222, 8223, 1.0)
    parser.add_argument("--transport", choices=tuple(MODULES), required=True)
    parser.add_argument("--send", choices=("identify", "telemetry"), default="telemetry")
    parser.add_argument("--every", type=float, default=1.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
