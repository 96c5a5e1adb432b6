"""What the peer's programs can be asked to do, and the values in their commands."""
import builtins
import collections
import math
import threading


class RobotError(Exception):
    """An exception class of the program's own."""


def echo(*args, **kwargs):
    """The one argument, or all of them."""
    if len(args) == 1 and not kwargs:
        return args[0]
    return [list(args), kwargs]


def fail(name, *args):
    """Raises a built-in exception, three calls deep."""
    return inner(lambda: throw(getattr(builtins, name)(*args)))


def inner(work):
    return work()


def throw(error):
    raise error


def fail_with_state(motor):
    error = RobotError("stuck", "badly")
    error.motor = motor
    raise error


def add(left, right, scale=1):
    return (left + right) * scale


def blob(size):
    return bytes(i % 251 for i in range(size))


RELEASED = threading.Event()


def wait():
    """Holds the reading thread until the command `release`."""
    RELEASED.wait()
    RELEASED.clear()
    return "released"


def bound(variant, identity):
    handlers = {
        0x10: echo,
        0x11: fail,
        0x12: fail_with_state,
        0x13: add,
        0x14: blob,
        0x15: wait,
        0x16: lambda: collections.OrderedDict(a=1),  # no plain data
        "move": lambda distance, speed=1: distance * speed,
    }
    if variant == "current":
        handlers[0xBB] = lambda: identity
    return handlers


def to_json(value):
    """A value in the form of the wire vectors."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, bytearray):
        return {"$bytearray": value.hex()}
    if isinstance(value, tuple):
        return {"$tuple": [to_json(item) for item in value]}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"$" + type(value).__name__: sorted(to_json(item) for item in value)}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: to_json(item) for key, item in value.items()}
        return {"$map": [[to_json(key), to_json(item)] for key, item in value.items()]}
    return {"$other": repr(value)}


def from_json(value):
    """The value that a line of JSON stands for."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (tag, content), = value.items()
        if tag in UNTAG:
            return UNTAG[tag](content)
    return {key: from_json(item) for key, item in value.items()}


UNTAG = {
    "$float": float,
    "$bytes": bytes.fromhex,
    "$bytearray": bytearray.fromhex,
    "$tuple": lambda items: tuple(from_json(items)),
    "$set": lambda items: set(from_json(items)),
    "$frozenset": lambda items: frozenset(from_json(items)),
    "$map": lambda items: {from_json(key): from_json(item) for key, item in items},
}
