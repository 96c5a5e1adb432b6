"""TCPTalks as its specification tells it, both variants and both roles: the other side of our tests.

It takes from the original what a peer can notice: pickles of this Python's own default protocol, read with this
Python's own pickle; handlers that run in the reading thread; in the old variant one message for each arrival of
bytes; a client that lets nobody call before its main thread has seen the verdict. Python 3.6 and later.
"""
import collections
import io
import pickle
import random
import socket
import threading
import time
import traceback

CALL, REPLY = b"R", b"A"
AUTHENTICATE, IDENTIFY, CLOSE = 0xAA, 0xBB, 0xFF
CURRENT, OLD = "current", "old"


class AuthentificationError(RuntimeError):
    """A wrong password, or a call before the right one."""


class Talks:
    """One connection, from either side."""

    def __init__(self, sock, variant, handlers, read=256, patience=5.0):
        self.sock, self.variant, self.handlers = sock, variant, dict(handlers)
        self.read, self.patience = read, patience
        self.is_open = False
        self.is_closed = threading.Event()
        self.calls = 0
        self.replies = collections.defaultdict(collections.deque)
        self.changed = threading.Condition()
        self.writing = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    # What a program calls.

    def send(self, opcode, *args, **kwargs):
        """Calls without waiting; returns what the reply will come under."""
        if self.variant == OLD:
            self._write((CALL, opcode, args, kwargs))
            return opcode
        retcode = random.randrange(1 << 32)
        self._write((CALL, opcode, retcode, args, kwargs))
        return retcode

    def execute(self, opcode, *args, **kwargs):
        timeout = kwargs.pop("timeout", self.patience)
        return self.poll(self.send(opcode, *args, **kwargs), timeout)

    def poll(self, key, timeout=0.0):
        """The next reply under a key; raises what the other side says was raised there."""
        with self.changed:
            self.changed.wait_for(lambda: self.replies[key] or self.is_closed.is_set(), timeout)
            if not self.replies[key]:
                if self.is_closed.is_set():
                    raise ConnectionError("the other side has closed")
                raise TimeoutError("no reply within %s s" % timeout)
            args = self.replies[key].popleft()
        if len(args) != 1:
            if not args:
                raise ValueError("a reply without a value")
            return tuple(args)
        return self._value(args[0])

    def disconnect(self):
        self._end()

    # The opening.

    def authenticate(self, password, timeout):
        """The connecting side's part."""
        self._write((REPLY, AUTHENTICATE, (password,)))
        if not self.poll(AUTHENTICATE, timeout):
            self.disconnect()
            raise AuthentificationError("wrong password")
        self.is_open = True

    def judge(self, password, timeout):
        """The listening side's part: whether the client may stay."""
        try:
            given = self.poll(AUTHENTICATE, timeout)
        except TimeoutError:
            if self.variant == CURRENT:
                raise
            given = None
        agreed = password is None or given == password
        self.is_open = agreed
        self._write((REPLY, AUTHENTICATE, (agreed,)))
        return agreed

    # The wire.

    def _write(self, message):
        data = pickle.dumps(message)
        with self.writing:
            try:
                self.sock.sendall(data)
            except OSError:
                raise ConnectionError("the other side has closed")

    def _listen(self):
        buffer = b""
        try:
            while True:
                arrived = self.sock.recv(self.read)
                if not arrived:
                    break
                buffer = self._take_in(buffer + arrived)
        except OSError:
            pass
        self._end()

    def _take_in(self, buffer):
        while buffer:
            stream = io.BytesIO(buffer)
            try:
                message = pickle.load(stream)
            except (EOFError, pickle.UnpicklingError, AttributeError):
                break  # not all of it is here yet
            buffer = buffer[stream.tell():]
            self._take(message)
            if self.variant == OLD:
                break
        return buffer

    def _take(self, message):
        if message[0] == CALL:
            if self.variant == OLD:
                _, opcode, args, kwargs = message
                if opcode == CLOSE:
                    return self._end()
                self._answer(opcode, opcode, args, kwargs)
            else:
                _, opcode, retcode, args, kwargs = message
                self._answer(retcode, opcode, args, kwargs)
        elif message[0] == REPLY:
            _, key, args = message
            with self.changed:
                self.replies[key].append(args)
                self.changed.notify_all()

    def _answer(self, key, opcode, args, kwargs):
        self.calls += 1
        try:
            result = self._run(opcode, args, kwargs)
        except Exception as error:
            result = error
            if self.variant == CURRENT:
                result = (type(error), error, traceback.extract_tb(error.__traceback__))
        if not self.is_closed.is_set():
            self._write((REPLY, key, (result,)))

    def _run(self, opcode, args, kwargs):
        if not self.is_open:
            kind = AuthentificationError if self.variant == CURRENT else RuntimeError
            raise kind("not authenticated yet")
        if opcode not in self.handlers:
            raise KeyError("opcode %r is bound to nothing" % (opcode,))
        return self.handlers[opcode](*args, **kwargs)

    def _value(self, value):
        if self.variant == OLD:
            if isinstance(value, BaseException):
                raise value
            return value
        if isinstance(value, tuple) and is_exception_class(value[0]):
            kind, error, frames = value
            frames = "".join(traceback.format_list(frames))
            if not isinstance(error, BaseException):
                error = kind(error)
            error.remote_traceback = frames
            raise error
        return value

    def _end(self):
        with self.changed:
            self.is_closed.set()
            self.changed.notify_all()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was closed already
        self.sock.close()


class Server:
    """Several clients, each under the identity that it gives."""

    def __init__(self, listener, password, make, limit=4, timeout=1.0):
        self.listener, self.password, self.make = listener, password, make
        self.limit, self.timeout = limit, timeout
        self.clients = {}

    def accept(self):
        """The identity of the next client; `None` for one that is refused, and stays connected for all that."""
        sock, _ = self.listener.accept()
        if len(self.clients) >= self.limit:
            sock.close()
            return None
        talks = self.make(sock)
        talks.is_open = True  # the original executes calls before the password
        try:
            given = talks.poll(AUTHENTICATE, self.timeout)
        except TimeoutError:
            return None
        agreed = self.password is None or given == self.password
        talks._write((REPLY, AUTHENTICATE, (agreed,)))
        if not agreed:
            return None
        identity = self._identity(talks)
        self.clients[identity] = talks
        return identity

    def _identity(self, talks):
        until = time.monotonic() + self.timeout
        while time.monotonic() < until:
            try:
                return talks.execute(IDENTIFY, timeout=self.timeout)
            except AuthentificationError:
                pass  # it has not seen the verdict yet
            except TimeoutError:
                break
        return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(6))


def is_exception_class(value):
    return isinstance(value, type) and issubclass(value, BaseException)


def listen(host, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1)
    return listener


def connect(host, port, timeout):
    """Connects; tries again while nobody listens."""
    until = time.monotonic() + timeout
    while True:
        try:
            return socket.create_connection((host, port), timeout)
        except ConnectionRefusedError:
            if time.monotonic() >= until:
                raise
