"""Pickles as Python reads and writes them, for the test `pickle_python`.

values.py read: reads pickles from standard input, one a line in hexadecimal, and prints each as tagged JSON.
values.py write: prints pickles of generated values, each with the same as tagged JSON behind a blank.

The tags are those of the files of vectors.
"""

import json
import pickle
import random
import struct
import sys


def tagged(value):
    """The value as JSON, with tags for what JSON has not."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        try:
            value.encode("utf-8")
            return value
        except UnicodeEncodeError:
            return {"$utf16be": value.encode("utf-16-be", "surrogatepass").hex()}
    if kind is int:
        return value if -(2**63) <= value < 2**64 else {"$int": hex(value)}
    if kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            return {"$float": repr(value)}
        return value
    if kind is bytes:
        return {"$bytes": value.hex()}
    if kind is bytearray:
        return {"$bytearray": value.hex()}
    if kind is list:
        return [tagged(element) for element in value]
    if kind in (tuple, set, frozenset):
        return {"$" + kind.__name__: [tagged(element) for element in value]}
    assert kind is dict, kind
    return {"$map": [[tagged(key), tagged(value[key])] for key in value]}


def leaf(rng):
    """A value that holds no others."""
    return rng.choice(
        [
            lambda: None,
            lambda: rng.random() < 0.5,
            lambda: rng.choice([0, 1, 255, 256, 65535, 65536, -1, -(2**31), 2**31, 2**63, 2**64, -(2**63) - 1]),
            lambda: rng.getrandbits(rng.choice([3, 8, 16, 32, 40, 64, 65, 300, 2100])) * rng.choice([1, -1]),
            rng.random,
            lambda: struct.unpack(">d", struct.pack(">Q", rng.getrandbits(62)))[0],
            lambda: rng.choice([0.0, -0.0, 1e16, 1e-5, float("inf"), float("-inf")]),
            lambda: "".join(rng.choice("ab'\"\\\n\0\u00fc\u20ac\U0001f681\ud83d") for _ in range(rng.choice([0, 1, 5, 300]))),
            lambda: bytes(rng.getrandbits(8) for _ in range(rng.choice([0, 1, 5, 255, 256]))),
            lambda: bytearray(rng.getrandbits(8) for _ in range(rng.choice([0, 5]))),
        ]
    )()


def key(rng):
    """A value that may be a key."""
    value = leaf(rng)
    while type(value) is bytearray:
        value = leaf(rng)
    return (value, rng.getrandbits(4)) if rng.random() < 0.1 else value


def value(rng, depth, seen):
    """Any value; some occur again."""
    if seen and rng.random() < 0.1:
        return rng.choice(seen)
    if depth == 0 or rng.random() < 0.3:
        made = leaf(rng)
    else:
        count = rng.choice([0, 1, 2, 3, 4, 7])
        kind = rng.choice([list, tuple, dict, set, frozenset])
        if kind is dict:
            made = {key(rng): value(rng, depth - 1, seen) for _ in range(count)}
        elif kind in (set, frozenset):
            made = kind(key(rng) for _ in range(count))
        else:
            made = kind(value(rng, depth - 1, seen) for _ in range(count))
    seen.append(made)
    return made


def write():
    rng = random.Random(8225)
    for turn in range(600):
        made = [list(range(1001)), {n: None for n in range(1001)}][turn] if turn < 2 else value(rng, 4, [])
        for protocol in (3, 4, 5):
            if protocol <= pickle.HIGHEST_PROTOCOL:
                print(pickle.dumps(made, protocol).hex(), json.dumps(tagged(made)))


def read():
    for line in sys.stdin:
        print(json.dumps(tagged(pickle.loads(bytes.fromhex(line.strip())))))


{"read": read, "write": write}[sys.argv[1]]()
