"""Small files that would hang, nest or explode are refused at once."""

from __future__ import annotations

import gc
import io
import json
import pickle
import struct
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from registry.model_files.judge import judge
from registry.model_files.pickle_reader import Problems, read_pickle
from registry.model_files.skops_reader import read_skops
from tests.support.hostile.shared import FILES as SHARED

# Of processor time; a machine that others use as well slows nothing but the clock.
AT_MOST_SECONDS = 2.0
AT_MOST_BYTES = 300_000_000


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


def archive(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A skops file whose schema was changed."""
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(model)))
    entries = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(entries["schema.json"])
    change(schema)
    return zipped({**entries, "schema.json": json.dumps(schema).encode()})


def zipped(entries: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as target:
        for name, data in entries.items():
            target.writestr(name, data)
    return file.getvalue()


def lying() -> bytes:
    """Deflated zeros that unpack to far more than their entry says."""
    data = bytearray(zipped({"schema.json": b"\x00" * 50_000_000}, zipfile.ZIP_DEFLATED))
    size = struct.pack("<I", 50_000_000)
    return bytes(data.replace(size, struct.pack("<I", 100)))


def nested(schema: dict[str, Any]) -> None:
    node = schema["content"]["content"]["C"]
    for n in range(150):
        node = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
                "__id__": n + 1, "content": [node]}  # fmt: skip
    schema["content"]["content"]["C"] = node


def skops_list(nodes: list[dict[str, Any]], files: dict[str, bytes] | None = None) -> bytes:
    """A deflated skops file of one list."""
    return zipped(
        {"schema.json": json.dumps({"protocol": 2, **list_node(nodes)}).encode(), **(files or {})},
        zipfile.ZIP_DEFLATED,
    )


def list_node(nodes: list[dict[str, Any]], key: int | None = None) -> dict[str, Any]:
    return {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
            "__id__": key, "content": nodes}  # fmt: skip


def json_node(value: str, key: int | None = None) -> dict[str, Any]:
    return {"__loader__": "JsonNode", "__id__": key, "content": value}


def npy(values: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def array_node(file: str = "a.npy") -> dict[str, Any]:
    return {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode",
            "type": "numpy", "file": file}  # fmt: skip


def masked_node() -> dict[str, Any]:
    return {"__class__": "MaskedArray", "__module__": "numpy.ma", "__loader__": "MaskedArrayNode",
            "content": {"data": array_node(), "mask": json_node("false")}}  # fmt: skip


def sparse_node(file: str) -> dict[str, Any]:
    return {"__class__": "csr_matrix", "__module__": "scipy.sparse._csr",
            "__loader__": "SparseMatrixNode", "type": "scipy", "file": file}  # fmt: skip


def sparse_file() -> bytes:
    """A sparse matrix of 36 MB of zeros, deflated to some 36 KB."""
    count = 3_000_000
    parts = {
        "indices": np.zeros(count, "i4"), "indptr": np.array([0, count], "i4"),
        "format": np.array(b"csr"), "shape": np.array([1, 1]), "data": np.zeros(count),
    }  # fmt: skip
    return zipped({f"{name}.npy": npy(part) for name, part in parts.items()}, zipfile.ZIP_DEFLATED)


SPARSE_FILE = sparse_file()


def colliding_keys() -> bytes:
    keys = [str((2**61 - 1) * (10**18 + n)) for n in range(20_000)]
    integer = {"__class__": "int", "__module__": "builtins", "__loader__": "TypeNode", "__id__": 7}
    return skops_list([{
        "__class__": "dict", "__module__": "builtins", "__loader__": "DictNode",
        "content": dict.fromkeys(keys, json_node("1")),
        "key_types": list_node([integer] * len(keys)),
    }])  # fmt: skip


def doubling_objects() -> bytes:
    """An array of objects whose lists hold the same list twice, forty times over."""
    inner = list_node([json_node("1"), json_node("1")], 1)
    for n in range(2, 40):
        inner = list_node([inner, {"__id__": n - 1}], n)
    shape = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode",
             "content": [json_node("2")] * 41}  # fmt: skip
    return skops_list([{**array_node(), "type": "json", "shape": shape, "content": [inner] * 2}])


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "zeros": lambda: zipped({"schema.json": b"\x00" * 90_000_000}, zipfile.ZIP_DEFLATED),
    "a lie about its size": lying,
    "another compression": lambda: zipped({"schema.json": b"{}"}, zipfile.ZIP_LZMA),
    "brackets in brackets": lambda: zipped({"schema.json": b"[" * 100_000}),
    "lists in lists": lambda: archive(nested),
    "a protocol to come": lambda: archive(lambda s: s.update(protocol=99)),
    "an object that holds itself": lambda: archive(
        lambda s: s["content"]["content"].update(C={"__id__": s["__id__"]})
    ),
    "an entry that is not there": lambda: archive(
        lambda s: s["content"]["content"]["coef_"].update(file="../../etc/passwd")
    ),
    "a method": lambda: archive(
        lambda s: s["content"]["content"]["C"].update(__loader__="MethodNode", __id__=None)
    ),
    "many entries": lambda: zipped({f"{n}.npy": b"" for n in range(30_000)}),
    "an entry outside": lambda: zipped({"schema.json": b"{}", "../evil.npy": b""}),
    "an entry of code": lambda: zipped({"schema.json": b"{}", "evil.py": b""}),
    "something before it": lambda: b"\x80\x04N." + archive(lambda _s: None),
    "a schema of empty lists": lambda: zipped(
        {"schema.json": b'{"protocol":2,"x":[' + b"[]," * 15_000_000 + b"[]]}"},
        zipfile.ZIP_DEFLATED,
    ),
    "a short schema of empty lists": lambda: zipped(
        {"schema.json": b'{"protocol":2,"x":[' + b"[]," * 600_000 + b"[]]}"}, zipfile.ZIP_DEFLATED
    ),
    "keys of chosen hashes": colliding_keys,
    "identities of chosen hashes": lambda: skops_list(
        [json_node("1", (2**61 - 1) * (10**18 + n)) for n in range(20_000)]
    ),
    "objects that double": doubling_objects,
    "one sparse matrix often": lambda: skops_list(
        [sparse_node("a.npz")] * 300, {"a.npz": SPARSE_FILE}
    ),
    "many sparse matrices of zeros": lambda: skops_list(
        [sparse_node(f"{n}.npz") for n in range(100)],
        dict.fromkeys((f"{n}.npz" for n in range(100)), SPARSE_FILE),
    ),
    "one array of truth values often": lambda: skops_list(
        [array_node()] * 20_000, {"a.npy": npy(np.zeros(5_000_000, bool))}
    ),
    "one mask for many arrays": lambda: skops_list(
        [masked_node()] * 300, {"a.npy": npy(np.zeros(50_000_000, "i1"))}
    ),
    "zlib": lambda: zlib.compress(b"\x00" * 10_000_000),
}


@pytest.fixture
def _alone() -> None:
    """As in the scorer's warm process: what other tests left is not looked through again."""
    gc.collect()
    gc.freeze()


BOMBS = pytest.mark.parametrize(
    ("read", "build"),
    [
        *(
            pytest.param(read_pickle, build, id=f"pickle: {n}")
            for n, build in (PICKLES | SHARED).items()
        ),
        *(pytest.param(read_skops, build, id=f"skops: {n}") for n, build in ARCHIVES.items()),
    ],
)
Read = Callable[[memoryview, Problems], object]


def problems_of(read: Read, data: bytes) -> Problems:
    problems = Problems()
    root = read(memoryview(data), problems)
    if not problems:
        judge(root, problems)
    return problems


@pytest.mark.usefixtures("_alone")
@BOMBS
def test_a_bomb_is_refused_at_once(read: Read, build: Callable[[], bytes]) -> None:
    data = build()
    started = time.process_time()
    assert problems_of(read, data)
    assert time.process_time() - started < AT_MOST_SECONDS


@pytest.mark.slow  # each allocation is traced
@BOMBS
def test_a_bomb_takes_little_memory(read: Read, build: Callable[[], bytes]) -> None:
    data = build()
    tracemalloc.start()
    try:
        assert problems_of(read, data)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < AT_MOST_BYTES


def test_what_they_are_built_of_passes() -> None:
    problems = Problems()
    judge(read_skops(memoryview(archive(lambda _s: None)), problems), problems)
    assert problems.lines() == ()
    array = ARRAY + b"(K\x01K\x01\x85" + FLOAT + b"\x89C\x08" + b"\x00" * 8 + b"tb"
    data = with_coefficients(array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the version, which it does not name
        assert vars(pickle.loads(data))["coef_"] == np.zeros(1)
    judge(read_pickle(memoryview(data), problems), problems)
    assert problems.lines() == ()
