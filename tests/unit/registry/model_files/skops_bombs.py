"""skops archives that unpack to far more than they are, or have a reader run in circles."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression


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
