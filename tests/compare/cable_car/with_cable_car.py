#!/usr/bin/env python3
"""cable_car's byte messages in Python, a process for each side: what `with_byte_dialect` says, byte for byte.

    with_cable_car.py MESSAGES TRIPS

Messages gather in the sender's messenger, a hundred for each `xfer`, and the receiver takes all that one `xfer` brings. Neither
side ever waits in the system: the library is made to be asked again and again. Prints what the other programs print.
"""
import math
import multiprocessing
import os
import socket
import struct
import sys
import time

from cable_car.byte_messages import Message
from cable_car.messenger import Messenger

BATCH = 100
WARM_UP = 100  # round trips before those that are counted
PATIENCE = 60  # seconds until a side is given up


class Sample(Message):
    """M, in the layout written by hand."""

    code = 0x11
    layout = struct.Struct("<IQfffH")
    fields = None

    def encode(self):
        return self.layout.pack(*self.fields)

    def decode(self, msg_data):
        self.fields = self.layout.unpack(msg_data)


class Ball(Message):
    """What goes there and back."""

    code = 0x12
    layout = struct.Struct("<I28x")
    number = None

    def encode(self):
        return self.layout.pack(self.number)

    def decode(self, msg_data):
        (self.number,) = self.layout.unpack(msg_data)


def main():
    count, trips = int(sys.argv[1]), int(sys.argv[2])
    Sample.register()
    Ball.register()
    start, end = side_by_side(send, receive, count)
    print(f'{{"job":"stream","messages":{count},"seconds":{end - start:.9f}}}', flush=True)
    times, _ = side_by_side(throw, give_back, WARM_UP + trips)
    times = sorted(times[WARM_UP:])
    p50, p99 = (times[math.ceil((trips - 1) * percent / 100)] * 1e6 for percent in (50, 99))
    print(f'{{"job":"round trip","trips":{trips},"p50":{p50:.3f},"p99":{p99:.3f}}}', flush=True)


def send(messenger, count):
    """Returns when it began, on the clock that both processes read."""
    start = time.monotonic()
    for first in range(0, count, BATCH):
        for number in range(first, min(first + BATCH, count)):
            message = Sample()
            message.fields = fields(number)
            messenger.send(message)
        messenger.xfer()
    return start


def receive(messenger, count):
    """Returns when the last one was here."""
    number = 0
    while number < count:
        messenger.xfer()
        while (message := messenger.get()) is not None:
            if message.fields != fields(number):
                sys.exit(f"message {number} is lost")
            number += 1
    return time.monotonic()


def throw(messenger, count):
    """Returns how long each trip took."""
    times = []
    for number in range(count):
        start = time.perf_counter()
        exchange_out(messenger, number)
        if exchange_in(messenger) != number:
            sys.exit(f"ball {number} is lost")
        times.append(time.perf_counter() - start)
    return times


def give_back(messenger, count):
    for _ in range(count):
        exchange_out(messenger, exchange_in(messenger))


def exchange_out(messenger, number):
    ball = Ball()
    ball.number = number
    messenger.send(ball)
    messenger.xfer()


def exchange_in(messenger):
    while (ball := messenger.get()) is None:
        messenger.xfer()
    return ball.number


def fields(number):
    """Those of the message of that number; they are exact in 32 bits."""
    return number, number * 1000, float(number), number * 0.5, -float(number), number & 0x3FF


def side_by_side(one, other, count):
    """What both return, each in a process and on a core of its own."""
    sockets = connection()
    context = multiprocessing.get_context("fork")
    sides = [context.Pipe(duplex=False) for _ in sockets]
    cores = sorted(os.sched_getaffinity(0))
    processes = []
    for place, (job, sock, (_, result)) in enumerate(zip((one, other), sockets, sides)):
        core = cores[place % len(cores)]
        processes.append(context.Process(target=run, args=(job, sock, count, core, result)))
        processes[-1].start()
        result.close()
    try:
        if not all(side.poll(PATIENCE) for side, _ in sides):
            sys.exit("a side has not come to its end")
        return [side.recv() for side, _ in sides]
    finally:
        for process in processes:
            process.kill()
            process.join()


def run(job, sock, count, core, result):
    os.sched_setaffinity(0, {core})
    messenger = Messenger(sock, "byte")
    result.send(job(messenger, count))
    while not messenger.closed:  # what is left to send goes out until the other side has ended too
        messenger.xfer()


def connection():
    """Both ends of one on the loopback, as the library's connectors make them: they never block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
    for end in (here, there):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end.setblocking(False)
    return here, there


if __name__ == "__main__":
    main()
