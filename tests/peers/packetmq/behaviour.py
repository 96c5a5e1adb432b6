# -*- coding: utf-8 -*-
"""What a peer does once it is connected."""

from __future__ import print_function, unicode_literals

import json
import os


class Watch(object):
    """Prints every packet."""

    def __init__(self, arguments, say, end):
        self.arguments = arguments
        self.say = say
        self.end = end

    def made(self, peer, conn):
        pass

    def heard(self, peer, name, packet, conn):
        self.say("packet", name, json.dumps(packet, sort_keys=True))


class Echo(Watch):
    """Sends each `app:echo` back as `app:print`."""

    def heard(self, peer, name, packet, conn):
        peer.tell("app:print", packet, conn)


class Source(Watch):
    """Sends as many numbered packets as it is told to, then takes its leave when it is answered."""

    def made(self, peer, conn):
        for number in range(self.arguments.count):
            peer.tell("app:echo", {"id": number, "text": "number %d" % number}, conn)

    def heard(self, peer, name, packet, conn):
        peer.softquit(conn, self.arguments.reason)


class Native(Watch):
    """Sends native strings: bytes on Python 2."""

    def made(self, peer, conn):
        peer.tell("app:echo", {str("id"): 7, str("text"): str("native")}, conn)


class Sink(Watch):
    """Wants as many numbered packets in their order, and says so."""

    received = 0

    def heard(self, peer, name, packet, conn):
        if packet["id"] != self.received:
            self.end("wanted %d, got %r" % (self.received, packet))
        self.received += 1
        if self.received == self.arguments.count:
            peer.tell("app:print", {"id": self.received, "text": ""}, conn)


class Talk(Watch):
    """Says as many words as it is told to, wants them back in their order, and takes its leave."""

    window = 100
    sent = received = 0

    def words(self, number):
        return {"number": number, "text": "number %d" % number}

    def tell(self, peer, conn):
        while self.sent < min(self.received + self.window, self.arguments.count):
            peer.tell("board:say", self.words(self.sent), conn)
            self.sent += 1

    def made(self, peer, conn):
        self.tell(peer, conn)

    def heard(self, peer, name, packet, conn):
        if packet != self.words(self.received):
            self.end("wanted %r, got %r" % (self.words(self.received), packet))
        if not self.received:
            self.say("begun")
        self.received += 1
        self.tell(peer, conn)
        if self.received == self.arguments.count:
            self.say("said", self.received)
            peer.softquit(conn, self.arguments.reason)


class Quit(Watch):
    """Takes its leave as soon as the connection is active."""

    def made(self, peer, conn):
        peer.softquit(conn, self.arguments.reason)


class Die(Source):
    """Sends packets, and is gone without a word when it is answered."""

    def heard(self, peer, name, packet, conn):
        os._exit(0)


class Large(Watch):
    """Sends the largest packet there can be, and wants it back."""

    def made(self, peer, conn):
        # Behind an id of two bytes, a list's head of one and the bytes' head of five.
        self.packet = [bytes(bytearray(range(256)) * 391)[: 99999 - 8]]
        peer.tell("app:echo", self.packet, conn)

    def heard(self, peer, name, packet, conn):
        if list(packet) != self.packet:
            self.end("not the same")
        self.say("same")
        peer.softquit(conn, self.arguments.reason)


BEHAVIOURS = {
    "watch": Watch,
    "echo": Echo,
    "source": Source,
    "native": Native,
    "sink": Sink,
    "talk": Talk,
    "quit": Quit,
    "die": Die,
    "large": Large,
}
