"""Small files that take for ever, or more memory than a machine has."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO

from tests.support.hostile.archives import archive, changed, honest_entries, write
from tests.support.hostile.kit import (
    PROTO_4,
    Effect,
    Hostile,
    Kind,
    Site,
    call,
    name,
    raw,
    text,
)

_MODULUS = (1 << 61) - 1
"""Of CPython's hash of whole numbers: its multiples are all hashed as 0."""
_BLOCK_BYTES = 1 << 24


def _pickle(name: str, make: Callable[[], bytes], effect: Effect = Effect.EXHAUSTED) -> Hostile:
    return raw(name, lambda _site: PROTO_4 + make() + b".", effect, Kind.BOMB)


def _row(name: str, build: Callable[[Site], object], effect: Effect = Effect.UNTRIED) -> Hostile:
    return Hostile(name, Kind.BOMB, build, effect=effect)


def _unframed(value: object) -> bytes:
    return pickle.dumps(value, protocol=3)[2:-1]


def _colliding(count: int, before: bytes, after: bytes) -> bytes:
    return before + b"".join(_unframed(n * _MODULUS) for n in range(1, count)) + after


def _colliding_keys(count: int) -> bytes:
    return b"}(" + b"".join(_unframed(n * _MODULUS) + b"N" for n in range(1, count)) + b"u"


def _doubled(levels: int) -> bytes:
    """Return a tuple of 2 ** levels leaves in three bytes a level."""
    return b")" + b"2\x86" * levels


def _doubled_lists(levels: int) -> bytes:
    """Return a list that holds one list twice, and so on, by way of the memo."""
    pairs = (b"]q%c(h%ch%ce" % (n, n - 1, n - 1) for n in range(1, levels))
    return b"]q\x00" + b"0".join([b"", *pairs])


def _numbers(count: int) -> bytes:
    return call("builtins", "range", b"\x8a\x08" + struct.pack("<q", count))


def _names(count: int) -> bytes:
    return b"".join(name(f"sklearn.module_{n}", "Model") + b"0" for n in range(count)) + b"N"


def _allowed_calls(count: int) -> bytes:
    """Make and throw away many objects that may be made."""
    one = name("collections", "OrderedDict") + b")R0"
    return one * count + b"N"


def _zeros(total_bytes: int) -> bytes:
    """Return a raw deflate stream of zeros, as long as one wants, in no time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b"\x00" * _BLOCK_BYTES) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (total_bytes // _BLOCK_BYTES) + zlib.compressobj(9, 8, -15).flush()


def _zipped(entry: str, packed: bytes, told_bytes: int) -> bytes:
    """Add an entry of which the archive says that it is this long when unpacked."""
    honest = {n: c for n, c in honest_entries().items() if n != entry}
    file = BytesIO(archive(*honest.items()))
    with zipfile.ZipFile(file, "a") as made:
        info = zipfile.ZipInfo(entry)
        made.writestr(info, packed)
        # Stored as it is, then told to be packed.
        made.filelist[-1].compress_type = zipfile.ZIP_DEFLATED
        made.filelist[-1].file_size = told_bytes
    data = bytearray(file.getvalue())
    local = data.rfind(b"PK\x03\x04")
    data[local + 8 : local + 10] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    return bytes(data)


def _array_name() -> str:
    return next(name for name in honest_entries() if name.endswith(".npy"))


def _nested_schema(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def _nested_nodes(schema: dict[str, object]) -> None:
    node: dict[str, object] = {"__class__": "list", "__module__": "builtins",
                               "__loader__": "ListNode", "content": []}  # fmt: skip
    for _level in range(300):
        node = {**node, "content": [node]}
    schema["content"]["content"]["solver"] = node  # type: ignore[index]


def _nested_text(schema: dict[str, object]) -> None:
    node = schema["content"]["content"]["solver"]  # type: ignore[index]
    node["content"] = "[" * 100_000


def _many_entries(site: Site) -> None:
    more = ((f"{n}.npy", b"") for n in range(30_000))
    write(site, archive(*honest_entries().items(), *more))


def _wide_schema(site: Site) -> None:
    """Name as many nodes as fit into a few megabytes once packed."""
    nodes = [{"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
              "content": "1", "__id__": n} for n in range(200_000)]  # fmt: skip
    schema = json.loads(honest_entries()["schema.json"])
    schema["content"]["content"]["solver"] = {
        "__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": nodes,
    }  # fmt: skip
    entries = {**honest_entries(), "schema.json": json.dumps(schema).encode()}
    write(site, archive(*entries.items(), how=zipfile.ZIP_DEFLATED))


BOMBS: tuple[Hostile, ...] = (
    _pickle("a tuple doubled sixty times as a key", lambda: b"}" + _doubled(60) + b"Ns"),
    _pickle("a tuple doubled sixty times in a set", lambda: b"\x8f(" + _doubled(60) + b"\x90",
            Effect.UNTRIED),
    _pickle("lists doubled a hundred times", lambda: _doubled_lists(100), Effect.UNTRIED),
    _pickle("a doubled tuple as a parameter",
            lambda: name("sklearn.linear_model._logistic", "LogisticRegression")
            + b")\x81}" + text("class_weight") + _doubled(60) + b"sb", Effect.UNTRIED),
    _pickle("a set of one hash", lambda: _colliding(60_000, b"\x8f(", b"\x90"),
            Effect.UNTRIED),
    _pickle("a frozen set of one hash", lambda: _colliding(60_000, b"(", b"\x91"),
            Effect.UNTRIED),
    _pickle("a dict of one hash", lambda: _colliding_keys(60_000)),
    _pickle("a set of a long range", lambda: call("builtins", "set", _numbers(10**10)),
            Effect.UNTRIED),
    _pickle("a list of a long range", lambda: call("builtins", "list", _numbers(10**11))),
    _pickle("a tuple of a long range", lambda: call("builtins", "tuple", _numbers(10**11))),
    _pickle("a long range as a parameter",
            lambda: name("sklearn.linear_model._logistic", "LogisticRegression")
            + b")\x81}" + text("classes_") + _numbers(10**15) + b"sb", Effect.UNTRIED),
    _pickle("a terabyte of bytes", lambda: call(
        "builtins", "bytes", b"\x8a\x08" + struct.pack("<q", 10**12))),
    _pickle("a terabyte of bytearray", lambda: call(
        "builtins", "bytearray", b"\x8a\x08" + struct.pack("<q", 10**12))),
    _pickle("a number of ten million digits",
            lambda: b"\x8b" + struct.pack("<i", 4_000_000) + b"\x7f" * 4_000_000, Effect.UNTRIED),
    _pickle("a number of a million digits as text",
            lambda: b"L" + b"9" * 1_000_000 + b"L\n", Effect.UNTRIED),
    _pickle("a number of negative length", lambda: b"\x8b\xff\xff\xff\xff", Effect.UNTRIED),
    _pickle("bytes longer than the file",
            lambda: b"\x8e" + struct.pack("<Q", 1 << 62), Effect.UNTRIED),
    _pickle("a bytearray longer than the file",
            lambda: b"\x96" + struct.pack("<Q", 1 << 40), Effect.EXHAUSTED),
    _pickle("text longer than the file",
            lambda: b"\x8d" + struct.pack("<Q", 1 << 62), Effect.UNTRIED),
    _pickle("a frame longer than the file",
            lambda: b"\x95" + struct.pack("<Q", 1 << 62), Effect.UNTRIED),
    _pickle("a memo entry far away", lambda: b"Nr\xff\xff\xff\x7f"),
    _pickle("lists a hundred thousand deep",
            lambda: b"]" * 100_000 + b"a" * 99_999, Effect.UNTRIED),
    _pickle("tuples a hundred thousand deep", lambda: b")" + b"\x85" * 100_000, Effect.UNTRIED),
    _pickle("a million marks", lambda: b"(" * 1_000_000 + b"N", Effect.UNTRIED),
    _pickle("thirty thousand modules", lambda: _names(30_000), Effect.UNTRIED),
    _pickle("half a million objects", lambda: _allowed_calls(500_000), Effect.UNTRIED),
    raw("zlib of zeros for joblib", lambda _s: b"x\x9c" + _zeros(1 << 32), kind=Kind.BOMB),
    _row("a schema of four gigabytes",
         lambda s: write(s, _zipped("schema.json", _zeros(1 << 32), (1 << 32) - 2))),
    _row("a schema that lies about its size",
         lambda s: write(s, _zipped("schema.json", _zeros(1 << 31), 100))),
    _row("an array of four gigabytes",
         lambda s: write(s, _zipped(_array_name(), _zeros(1 << 32), (1 << 32) - 2))),
    _row("an array that lies about its size",
         lambda s: write(s, _zipped(_array_name(), _zeros(1 << 31), 100))),
    _row("a schema ten thousand levels deep",
         lambda s: write(s, archive(("schema.json", _nested_schema(10_000))))),
    _row("a schema a million levels deep",
         lambda s: write(s, archive(("schema.json", _nested_schema(1_000_000))))),
    _row("nodes three hundred levels deep", changed(_nested_nodes)),
    _row("a value a hundred thousand levels deep", changed(_nested_text)),
    _row("thirty thousand entries", _many_entries),
    _row("two hundred thousand nodes", _wide_schema),
)  # fmt: skip
