"""Message classes of the tests, and the canonical form of a message.

`canonical` turns a received message into the `decoded` form of the wire
vectors (tags `$int`, `$float`, `$utf16be`), `rebuild` turns that form back
into a message to send.
"""
import math
import struct

from cable_car import byte_messages, json_messages


class Opaque:
    """Keeps the payload of a byte message as it is.

    No subclass of the library's Message: each of those must have a code.
    """

    payload = b""

    def encode(self):
        return self.payload

    def decode(self, msg_data):
        self.payload = bytes(msg_data)


class BytePosition(Opaque, byte_messages.Message):
    """Code 0x10: a 12-byte position, or an 18-byte numbered sample."""

    code = 0x10
    layouts = {12: (">hhd", "x y z"), 18: (">I3fH", "id x y z flags")}

    def decode(self, msg_data):
        super().decode(msg_data)
        layout, names = self.layouts.get(len(self.payload), self.layouts[12])
        vars(self).update(zip(names.split(), struct.unpack(layout, self.payload)))


class ByteBlob(Opaque, byte_messages.Message):
    code = 0x20


class ByteZero(Opaque, byte_messages.Message):
    code = 0


class ByteTop(Opaque, byte_messages.Message):
    code = 255


class Telemetry(json_messages.Message):
    pass


class Blob(json_messages.Message):
    pass


class MsgStats(json_messages.Message):
    pass


Größe = type("Größe", (json_messages.Message,), {})

for _class in (BytePosition, ByteBlob, ByteZero, ByteTop, Telemetry, Blob, MsgStats, Größe):
    _class.register()

MODULES = {"byte": byte_messages, "json": json_messages}


def named(transport, name):
    """The message class of that name."""
    return globals().get(name) or getattr(MODULES[transport], name)


def numbered(transport, i):
    """The message number `i` of a source."""
    if transport == "byte":
        # Sixteenths are exact in 32 bits, so they survive the trip unchanged.
        payload = struct.pack(">I3fH", i, i / 16, -i / 4, 0.5, i & 0xFFFF)
        return BytePosition(payload=payload)
    return Telemetry(
        id=i,
        ok=i % 2 == 0,
        none=None,
        ratio=i / 7,
        whole=float(i),
        nan=math.nan,
        big=10**30 + i,
        name="Zürich ドローン 🚁",
        path=[[i, -i], [0.5, {"z": None}]],
    )


def number(message):
    """The number of a message made by `numbered`, None for any other."""
    return getattr(message, "id", None)


def canonical(transport, message):
    """The message as an object of JSON, in the form of the wire vectors."""
    attributes = {key: tagged(value) for key, value in vars(message).items()}
    name = type(message).__name__
    if transport == "json":
        return {"transport": transport, "class": name, "attributes": attributes}
    attributes.pop("payload", None)
    body = {"transport": transport, "class": name, "code": message.code}
    if attributes:
        body["attributes"] = attributes
    return body | {"payload": payload(message).hex()}


def payload(message):
    """The payload of a byte message; that of MsgIdentify is put together again."""
    if isinstance(message, byte_messages.MsgIdentify):
        return f"{message.username}@{message.hostname}".encode()
    return bytes(getattr(message, "payload", b""))


def rebuild(decoded):
    """The message that a `decoded` object describes."""
    transport = decoded["transport"]
    cls = named(transport, decoded["class"])
    if issubclass(cls, Opaque):
        return cls(payload=bytes.fromhex(decoded["payload"]))
    message = cls()
    vars(message).clear()  # the names that MsgIdentify fills in, in its own order
    vars(message).update(untagged(decoded.get("attributes", {})))
    return message


def tagged(value):
    if isinstance(value, dict):
        return {key: tagged(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tagged(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return {"$int": str(value)}
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        return {"$utf16be": value.encode("utf-16-be", "surrogatepass").hex()}
    return value


def untagged(value):
    if isinstance(value, list):
        return [untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("$float", text)]:
            return float(text)
        case [("$int", text)]:
            return int(text, 0)
        case [("$utf16be", text)]:
            return bytes.fromhex(text).decode("utf-16-be", "surrogatepass")
        case [("$repeat", [unit, count])]:
            return unit * count
    return {key: untagged(item) for key, item in value.items()}
