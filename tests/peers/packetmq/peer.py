# -*- coding: utf-8 -*-
"""A program on packetmq, for Python 2.7 and 3: what the tests talk to.

Prints what happens, a line each: `ready PORT` or `ready`, `active`, `packet NAME JSON`, `lost REASON`.
"""

from __future__ import print_function, unicode_literals

import argparse
import os
import sys
import warnings

warnings.simplefilter("ignore")

import packetmq
import umsgpack
from twisted.internet import reactor
from twisted.python import log

from behaviour import BEHAVIOURS

PYTHON_3 = sys.version_info[0] == 3


def unpack_received_bytes():
    """The library unpacks native strings alone, which received bytes are not on Python 3."""
    decoded = packetmq.packet.BasePacket.dataDecoded

    def unpacked(self, arg, *args, **kwargs):
        if isinstance(arg, bytes):
            arg = umsgpack.unpackb(arg)
        return decoded(self, arg, *args, **kwargs)

    packetmq.packet.BasePacket.dataDecoded = unpacked


def announce(peer, version):
    """Has a peer name another version of the protocol than it speaks."""
    send = peer.sendPacket

    def sent(data, dtype, *args, **kwargs):
        if dtype in ("packetmq:handshake_init", 0):
            data = {"version": version}
        return send(data, dtype, *args, **kwargs)

    peer.sendPacket = sent


def say(*words):
    print(*words)
    sys.stdout.flush()


def end(error=None):
    if error is not None:
        sys.stderr.write("%s\n" % (error,))
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)


def report(event):
    if event.get("isError"):
        end(log.textFromEventDict(event))


class Reporting(object):
    """What both roles do with events."""

    behaviour = None

    def on_connMade(self, conn):
        say("active")
        self.behaviour.made(self, conn)

    def lostConnection(self, conn, reason=None):
        """Told before one's own farewell with its text, and with a failure when the connection is no more."""
        is_farewell = isinstance(reason, (str, type("")))
        say("lost", reason if is_farewell else reason.type.__name__)
        super(Reporting, self).lostConnection(conn, reason)
        if not is_farewell:
            end()

    def tell(self, name, data, conn):
        name = str(name)
        if isinstance(self, packetmq.Client):
            self.sendPacket(data, name)
        else:
            self.sendPacket(data, name, conn)


class Server(Reporting, packetmq.Server):
    pass


class Client(Reporting, packetmq.Client):
    pass


class Heard(packetmq.packet.Packet):
    """A packet of the program."""

    def onReceive(self, packet, fromid, to, *args, **kwargs):
        to.behaviour.heard(to, str(self.name), packet, fromid)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--connect", type=int, help="the port to connect to; listens otherwise")
    parser.add_argument("--port", type=int, default=0, help="the port to listen at; any by default")
    parser.add_argument("--adapt", action="store_true")
    parser.add_argument("--packets", default="app:echo=40,app:print=41")
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--mode", choices=sorted(BEHAVIOURS), default="watch")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--reason", default="app.bye")
    arguments = parser.parse_args()

    log.startLoggingWithObserver(report, setStdout=False)
    if PYTHON_3:
        unpack_received_bytes()
    registry = packetmq.PacketRegistry(adaptPacketIds=arguments.adapt)
    registry.registerDefaultPackets()
    for packet in filter(None, arguments.packets.split(",")):
        name, _, number = packet.partition("=")
        registry.addPacket(str(name), Heard(), int(number))

    peer = (Server if arguments.connect is None else Client)(registry)
    peer.behaviour = BEHAVIOURS[arguments.mode](arguments, say, end)
    if arguments.version != 1:
        announce(peer, arguments.version)
    if arguments.connect is None:
        port = reactor.listenTCP(arguments.port, peer.factory, interface="127.0.0.1")
        say("ready", port.getHost().port)
    else:
        reactor.connectTCP("127.0.0.1", arguments.connect, peer.factory)
    reactor.run()


if __name__ == "__main__":
    main()
