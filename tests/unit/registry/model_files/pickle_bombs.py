"""Pickles of a few bytes that would hang, nest or explode."""

from __future__ import annotations

import struct
from collections.abc import Callable


def stream(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def named(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def number(value: int) -> bytes:
    data = value.to_bytes(32, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def doubled(times: int) -> bytes:
    """A list that holds a list twice, which holds a list twice, and so on."""
    return stream(b"]\x94", *(b"]\x94(h" + bytes([n]) + b"h" + bytes([n]) + b"e"
                              for n in range(times)))  # fmt: skip


def with_coefficients(state: bytes) -> bytes:
    estimator = named("sklearn.linear_model._base", "LinearRegression")
    return stream(estimator, b")\x81}X\x05\x00\x00\x00coef_", state, b"sb")


def with_iterations(value: bytes) -> bytes:
    """An estimator with one attribute that may hold any plain data."""
    estimator = named("sklearn.linear_model._logistic", "LogisticRegression")
    return stream(estimator, b")\x81}X\x07\x00\x00\x00n_iter_", value, b"sb")


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def pairs(times: int) -> bytes:
    """A tuple that holds a tuple twice, which holds a tuple twice, and so on."""
    return b"K\x01\x85" + b"".join(
        b"q" + bytes([n]) + b"h" + bytes([n]) + b"\x86" for n in range(times)
    )


def dtype(code: str, size: bytes = b"K\x00", flags: bytes = b"K\x00") -> bytes:
    any_size = b"J\xff\xff\xff\xff"
    sizes = size + b"K\x01" if size != b"K\x00" or code[0] in "SU" else any_size * 2
    return (
        named("numpy", "dtype") + text(code) + b"\x89\x88\x87R"
        + b"(K\x03X\x01\x00\x00\x00|NNN" + sizes + flags + b"tb"
    )  # fmt: skip


def shared(setup: bytes, use: bytes, times: int) -> bytes:
    return stream(setup, b"(", use * times, b"t")


def shared_list(length: int) -> bytes:
    """Arrays of objects that are all filled from one list."""
    setup = (
        named("numpy._core.multiarray", "_reconstruct") + b"q\x00" + named("numpy", "ndarray")
        + b"K\x00\x85C\x01b\x87q\x01" + dtype("O8", flags=b"K\x3f") + b"q\x02"
        + b"](" + b"N" * length + b"eq\x03" + number(length) + b"\x85q\x04"
    )  # fmt: skip
    return shared(setup, b"h\x00h\x01R(K\x01h\x04h\x02\x89h\x03tb", 3_000)


def shared_bytes(length: int) -> bytes:
    """Arrays of truth values over the same bytes, each of which is looked at."""
    setup = (
        named("numpy._core.numeric", "_frombuffer") + b"q\x00(B" + struct.pack("<I", length)
        + b"\x00" * length + dtype("b1") + number(length) + b"\x85" + text("C") + b"tq\x01"
    )  # fmt: skip
    return shared(setup, b"h\x00h\x01R", 20_000)


def shared_text(length: int) -> bytes:
    setup = (
        named("_codecs", "encode") + b"q\x00" + text("a" * length) + b"q\x01"
        + text("latin1") + b"q\x02"
    )  # fmt: skip
    return shared(setup, b"h\x00h\x01h\x02\x86R", 20_000)


def shared_keys(length: int) -> bytes:
    """One long key over another that equals it, again and again."""
    setup = text("a" * length) + b"q\x00" + text("a" * length) + b"q\x01}h\x00Ns"
    return stream(setup, b"h\x01Ns" * 30_000)


def shared_name(length: int) -> bytes:
    return shared(text("a" * length) + b"q\x00", b"h\x00h\x00\x93", 30_000)


def without_size(length: int) -> bytes:
    state = b"(K\x01" + number(length) + b"\x85" + dtype("S0") + b"\x89C\x00tb"
    return with_iterations(ARRAY + state)


ARRAY = (
    named("numpy._core.multiarray", "_reconstruct") + named("numpy", "ndarray")
    + b"K\x00\x85C\x01b\x87R"
)  # fmt: skip
FLOAT = (
    named("numpy", "dtype") + b"X\x02\x00\x00\x00f8\x89\x88\x87R"
    + b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)  # fmt: skip

PICKLES: dict[str, Callable[[], bytes]] = {
    "lists in lists": lambda: stream(b"]" * 50_000 + b"a" * 49_999),
    "tuples in tuples": lambda: stream(b")" + b"\x85" * 50_000),
    "tuples as a key": lambda: stream(b"})" + b"\x85" * 50_000 + b"K\x01s"),
    "marks": lambda: b"(" * 1_000_000 + b".",
    "half a million objects": lambda: stream(
        named("sklearn.linear_model._logistic", "LogisticRegression"), b"\x94",
        b"h\x00)R0" * 500_000,
    ),
    "lists that double": lambda: doubled(60),
    "a list that holds itself": lambda: stream(b"]\x94h\x00a"),
    "a dict that holds itself": lambda: stream(b"}\x94K\x01h\x00s"),
    "an estimator that holds itself": lambda: stream(
        named("sklearn.pipeline", "Pipeline"), b")\x81\x94}X\x05\x00\x00\x00steps",
        b"]X\x01\x00\x00\x00ah\x00\x86asb",
    ),
    "a number of a million digits": lambda: b"L" + b"9" * 1_000_000 + b"L\n.",
    "a number of a million bytes": lambda: stream(
        b"\x8b" + struct.pack("<i", 1_000_000) + b"\x01" * 1_000_000
    ),
    "bytes of a tera": lambda: stream(named("builtins", "bytes"), number(10**12), b"\x85R"),
    "a bytearray of a tera": lambda: stream(
        named("builtins", "bytearray"), number(10**12), b"\x85R"
    ),
    "a list of a range": lambda: stream(
        named("builtins", "list"), named("builtins", "range"), number(10**12), b"\x85R\x85R"
    ),
    "a set of a range": lambda: stream(
        named("builtins", "set"), named("builtins", "range"), number(10**12), b"\x85R\x85R"
    ),
    "int of a text": lambda: stream(named("builtins", "int"), b"X\x01\x00\x00\x009\x85R"),
    "a lie about bytes": lambda: stream(b"\x8e" + struct.pack("<Q", 2**62)),
    "chosen hashes": lambda: stream(
        b"\x8f(" + b"".join(number(n * (2**61 - 1)) for n in range(20_000)) + b"\x90"
    ),
    "a shape without data": lambda: with_coefficients(
        ARRAY + b"(K\x01" + number(10**9) + b"\x85" + FLOAT + b"\x89C\x00tb"
    ),
    "a shape of nothing but size": lambda: with_coefficients(
        ARRAY + b"(K\x01" + number(2**62) + b"K\x00\x86" + FLOAT + b"\x89C\x00tb"
    ),
    "raw bytes as objects": lambda: with_coefficients(
        ARRAY + b"(K\x01K\x01\x85" + FLOAT.replace(b"f8", b"O8")
        + b"\x89C\x08" + b"\x41" * 8 + b"tb"
    ),
    "a forged dtype": lambda: with_coefficients(
        ARRAY + b"(K\x01K\x01\x85" + FLOAT.replace(b"K\x00tb", b"K\x3ftb")
        + b"\x89C\x08" + b"\x41" * 8 + b"tb"
    ),
    "a code that doubles": lambda: stream(
        named("numpy", "dtype"), pairs(40), b"\x89\x88\x87R"
    ),
    "a state that doubles": lambda: stream(
        named("numpy", "dtype"), text("V64"), b"\x89\x88\x87R",
        b"(K\x03X\x01\x00\x00\x00|NN}", pairs(40), b"K\x40K\x01tb",
    ),
    "a length that doubles": lambda: stream(
        ARRAY, b"(K\x01", pairs(40), b"\x85", FLOAT, b"\x89C\x00tb"
    ),
    "plain data that doubles": lambda: with_iterations(pairs(22)),
    "a function that doubles": lambda: stream(
        named("sklearn.feature_selection._univariate_selection", "SelectKBest"),
        b")\x81}", text("score_func"), pairs(22), b"sb",
    ),
    "elements without a size": lambda: without_size(1_500_000_000),
    "lines of text": lambda: b"\x80\x04(" + b"I12\n" * 200_000 + b"0.",
    "one list in many arrays": lambda: shared_list(60_000),
    "the same bytes in many arrays": lambda: shared_bytes(1_000_000),
    "one text encoded often": lambda: shared_text(1_000_000),
    "one long key set often": lambda: shared_keys(4_000_000),
    "one long name looked up often": lambda: shared_name(4_000_000),
    "state set twice": lambda: with_coefficients(b"K\x01")[:-1] + b"}b.",
}  # fmt: skip
