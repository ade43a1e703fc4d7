"""skops archives: what their nodes name, and what lies in them that no node names."""

from __future__ import annotations

import io
import json
import operator
import pickle
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import skops.io
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from tests.support.hostile.kit import Effect, Hostile, Kind, Site, answering, edit, in_skops, trust

Schema = dict[str, Any]

_MODEL = LogisticRegression().fit([[0.0], [1.0]], [0, 1])


def _entries(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip file with these entries; a name may come twice."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", how) as made:
        warnings.simplefilter("ignore")  # that a name comes twice
        for name, content in entries:
            made.writestr(name, content)
    return file.getvalue()


def honest_entries() -> dict[str, bytes]:
    """Return the entries of an honest model, `schema.json` the last."""
    return _entries(skops.io.dumps(_MODEL))


def write(site: Site, data: bytes) -> None:
    (site.folder / "model.skops").write_bytes(data)


def _row(name: str, build: Callable[[Site], object], effect: Effect = Effect.UNTRIED) -> Hostile:
    return Hostile(name, Kind.SKOPS, build, effect=effect)


def _with(*more: tuple[str | zipfile.ZipInfo, bytes]) -> Callable[[Site], object]:
    """Add entries to an honest archive."""
    return lambda site: write(site, archive(*honest_entries().items(), *more))


def changed(change: Callable[[Schema], object], *trusted: str) -> Callable[[Site], object]:
    """Change the schema of an honest archive; `MLmodel` trusts what the change needs."""

    def build(site: Site) -> None:
        entries = honest_entries()
        schema = json.loads(entries["schema.json"])
        change(schema)
        write(site, archive(*{**entries, "schema.json": json.dumps(schema).encode()}.items()))
        trust(site, list(trusted))

    return build


def _attributes(schema: Schema) -> Schema:
    content: Schema = schema["content"]["content"]
    return content


def _node(loader: str, module: str, name: str, **more: Any) -> Schema:
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


def _json(value: Any) -> Schema:
    return _node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def _arguments(*values: Any) -> Schema:
    return _node("TupleNode", "builtins", "tuple", content=[_json(v) for v in values])


def _calls(make: Callable[[str], Schema]) -> Callable[[Site], object]:
    """Put a node that makes the marker where the solver's name stands."""

    def build(site: Site) -> None:
        node = make(str(site.marker))
        types = ["logging.FileHandler", "builtins.str"]
        changed(lambda s: _attributes(s).update(solver=node), *types)(site)

    return build


def _handler_by_reduce(path: str) -> Schema:
    arguments = {"args": _arguments(path)}
    return _node("LossNode", "logging", "FileHandler", __reduce__=arguments, content=_json({}))


def _handler_by_constructor(path: str) -> Schema:
    arguments = _arguments(path)
    return _node("ConstructorFromReduceNode", "logging", "FileHandler", content=arguments)


def _handler_by_key(path: str) -> Schema:
    """Have a dict's key made by a class that the dict names as its keys' type."""
    types = [_node("TypeNode", "logging", "FileHandler")]
    return _node(
        "DictNode", "builtins", "dict",
        content={path: _json(1)},
        key_types=_node("ListNode", "builtins", "list", content=types),
    )  # fmt: skip


def _array(site: Site, content: bytes) -> None:
    """Replace the file of the coefficients."""
    entries = honest_entries()
    name = next(name for name in entries if name.endswith(".npy"))
    write(site, archive(*{**entries, name: content}.items()))


def _npy(descr: str, shape: str, data: bytes = b"\x00" * 16) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def _own_list(site: Site) -> None:
    """Trust by the list in `MLmodel`, which the author writes."""
    write(site, skops.io.dumps(FunctionTransformer(__import__("os").mkdir)))
    edit(site, lambda d: d["flavors"]["sklearn"].update(skops_trusted_types=["posix.mkdir"]))


def _link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("weights.npy")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def _encrypted(site: Site) -> None:
    data = bytearray(archive(*honest_entries().items()))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        while start >= 0:
            data[start + at] |= 1
            start = data.find(mark, start + 4)
    write(site, bytes(data))


def _holds_itself(schema: Schema) -> None:
    inner = _node("ListNode", "builtins", "list", content=[], __id__=77)
    inner["content"] = [dict(inner, content=[])]
    _attributes(schema)["solver"] = inner


ARCHIVES: tuple[Hostile, ...] = (
    in_skops("a bound partial of np.savetxt",
             lambda s: answering(FunctionTransformer(partial(np.savetxt, str(s.marker)))),
             Effect.MARKER),
    in_skops("a call of a frame's method",
             lambda s: answering(
            FunctionTransformer(operator.methodcaller("to_csv", str(s.marker)))
        ),
             Effect.MARKER),
    in_skops("a bound method of an estimator", lambda _s: FunctionTransformer(
        CountVectorizer(input="filename", vocabulary={"hush": 0}).transform)),
    in_skops("an operator that looks up attributes",
             lambda _s: FunctionTransformer(operator.attrgetter("__class__.__mro__"))),
    _row("a list of trusted types of its own", _own_list),
    _row("a node that constructs by reduce", _calls(_handler_by_reduce), Effect.MARKER),
    _row("a node that constructs", _calls(_handler_by_constructor), Effect.MARKER),
    _row("a key that is constructed", _calls(_handler_by_key), Effect.MARKER),
    _row("a node that no version knows",
         changed(lambda s: _attributes(s).update(solver=_node("ShellNode", "os", "system")))),
    _row("a type as the model", changed(lambda s: s.update(
        _node("TypeNode", "sklearn.linear_model._logistic", "LogisticRegression")))),
    _row("a module of tests", changed(lambda s: s.update(
        __module__="sklearn.utils._testing", __class__="MinimalClassifier"))),
    _row("a class by a dotted name", changed(lambda s: s.update(
        __module__="sklearn.linear_model", __class__="_logistic.LogisticRegression"))),
    _row("a protocol of the future", changed(lambda s: s.update(protocol=10**6))),
    _row("a protocol that is a list", changed(lambda s: s.update(protocol=[[]]))),
    _row("a node that holds itself", changed(_holds_itself)),
    _row("a schema that is a list", lambda s: write(s, archive(("schema.json", b"[]")))),
    _row("a schema without a model", lambda s: write(s, archive(("schema.json", b"{}")))),
    _row("no schema", lambda s: write(s, archive(("other.json", b"{}")))),
    _row("two schemas", _with(("schema.json", b'{"__loader__": "TypeNode"}'))),
    _row("an entry outside of the archive", _with(("../../evil.py", b"1"))),
    _row("an entry with an absolute name", _with(("/tmp/evil.py", b"1"))),
    _row("an entry that is a link", _with((_link(), b"/etc/passwd"))),
    _row("an entry that no node names", _with(("payload.pkl", pickle.dumps([1])))),
    _row("a pickle before the archive",
         lambda s: write(s, pickle.dumps([1]) + archive(*honest_entries().items()))),
    _row("an encrypted archive", _encrypted),
    _row("half an archive", lambda s: write(s, archive(*honest_entries().items())[:900])),
    _row("an array of objects", lambda s: _array(s, _npy("'|O'", "(2,)"))),
    _row("an array with a call in its header",
         lambda s: _array(s, _npy("__import__('os').getpid()", "(2,)"))),
    _row("an array with a nested header", lambda s: _array(s, _npy("(" * 3000, "(2,)"))),
    _row("an array longer than its file", lambda s: _array(s, _npy("'<f8'", "(1000000000000,)"))),
    _row("an array file of a pickle", lambda s: _array(s, pickle.dumps([1]))),
    _row("a pickle by the name of skops", lambda s: write(s, pickle.dumps(_MODEL))),
)  # fmt: skip
