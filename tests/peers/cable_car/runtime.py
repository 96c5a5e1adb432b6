"""What the peer programs share: deadline, end of input, pumping, lines of JSON."""
import fcntl
import json
import logging
import os
import select
import signal
import socket
import stat
import struct
import sys
import termios
import threading
import time

PAUSE = 0.001  # seconds between two turns of an idle pump
TCP_CLOSE = 7  # the state of a dead socket, from linux/tcp.h


class Once(logging.Filter):
    """Lets each text through once: the library logs a bad line at every turn."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def filter(self, record):
        text = record.getMessage()
        new = text not in self.seen
        self.seen.add(text)
        return new


logging.getLogger().addFilter(Once())


def fail(reason, status=1):
    print(reason, file=sys.stderr, flush=True)
    os._exit(status)  # the library's threads must not hold the program


def set_deadline(seconds):
    """Ends the program with status 2 after `seconds`; 0 means never."""
    if seconds:
        timer = threading.Timer(seconds, fail, (f"timeout after {seconds} s", 2))
        timer.daemon = True
        timer.start()


def print_line(value):
    print(json.dumps(value, separators=(",", ":")), flush=True)


def stop_requested():
    """A function that tells whether SIGTERM came or a piped stdin was closed.

    A terminal, a file or /dev/null as stdin never stops the program.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    mode = os.fstat(0).st_mode
    piped = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)

    def check():
        if piped and select.select([0], [], [], 0)[0] and not os.read(0, 4096):
            stop.set()
        return stop.is_set()

    return check


def turn(messenger):
    """One turn of the pump; a lost connection only shows in `messenger.closed`."""
    try:
        messenger.xfer()
    except OSError:
        # The library fails to close a socket that is gone already, and leaves it open.
        messenger.closed = True


def messages(messenger, pause=PAUSE):
    """One turn of the pump, then every message that came of it, or a pause if none did."""
    turn(messenger)
    got = False
    while (message := messenger.get()) is not None:
        got = True
        yield message
    if not got and pause:
        time.sleep(pause)


def flush(messenger, sock):
    """Pumps until the other side's machine has every byte, or the connection is lost."""
    while not messenger.closed:
        turn(messenger)
        # The library does not tell how much it still holds.
        held = len(messenger._Messenger__write_buffer)
        if not held and not unacknowledged(sock):
            return
        time.sleep(PAUSE)


def unacknowledged(sock):
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE:
        return 0  # reset: nothing will be acknowledged any more
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]
