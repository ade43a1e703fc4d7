"""Pickles that call while they are loaded, by every way to name a function that we know."""

from __future__ import annotations

import bz2
import gzip
import pickle
import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import cloudpickle
import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from tests.support.hostile.kit import (
    PROTO_4,
    Effect,
    Hostile,
    Kind,
    Site,
    answering,
    call,
    makes_marker,
    name,
    raw,
    reduced,
    text,
)


def _python(site: Site) -> str:
    return f"__import__('os').mkdir({str(site.marker)!r})"


def _shell(site: Site) -> str:
    return f"mkdir {site.marker}"


def _marker(site: Site) -> bytes:
    return text(str(site.marker))


def _ordinary(*, drop: int = 1) -> bytes:
    """Return an honest pickle without its last opcodes."""
    data = pickle.dumps(LogisticRegression(), protocol=4)
    return data[: len(data) - drop]


def _inst(site: Site) -> bytes:
    return b"(" + text(str(site.marker)) + b"iposix\nmkdir\n."


def _obj(site: Site) -> bytes:
    return b"(" + name("logging", "FileHandler") + _marker(site) + b"o."


def _stack_global(module: bytes, attribute: bytes) -> bytes:
    return module + attribute + pickle.STACK_GLOBAL


def _dotted(site: Site) -> bytes:
    inner = _stack_global(text("sklearn.utils._array_api"), text("os.mkdir"))
    return PROTO_4 + inner + reduced(_marker(site)) + b"."


def _dotted_method(site: Site) -> bytes:
    path = call("pathlib", "PosixPath", _marker(site))
    return PROTO_4 + _stack_global(text("pathlib"), text("Path.touch")) + reduced(path) + b"."


def _through_memo(site: Site) -> bytes:
    """Name the function by memo entries, past readers that look at the last two texts."""
    kept = text("posix") + b"\x94" + b"0" + text("mkdir") + b"\x94" + b"0"
    bait = text("collections") + b"0" + text("OrderedDict") + b"0"
    look_up = _stack_global(b"h\x00", b"h\x01")
    return PROTO_4 + kept + bait + look_up + reduced(_marker(site)) + b"."


def _escaped(site: Site) -> bytes:
    """Name the function in escapes of protocol 0."""
    look_up = _stack_global(b"S'\\x70\\x6fsi\\x78'\n", b"V\\u006dkdir\n")
    return look_up + b"(" + f"V{site.marker}\n".encode() + b"tR."


def _computed_name(site: Site) -> bytes:
    joined = call("builtins", "str", text("posix"))
    return PROTO_4 + _stack_global(joined, text("mkdir")) + reduced(_marker(site)) + b"."


def _extension(site: Site) -> bytes:
    register = call("copyreg", "add_extension", text("posix"), text("mkdir"), b"K\xf0")
    return PROTO_4 + register + b"0" + pickle.EXT1 + b"\xf0" + reduced(_marker(site)) + b"."


def _reconstructor(site: Site) -> bytes:
    """Have copyreg run a base class's __init__ with an argument of our choice."""
    handler = name("logging", "FileHandler")
    return call("copyreg", "_reconstructor", handler, handler, _marker(site)) + b"."


def _getattr(site: Site) -> bytes:
    module = call("importlib", "import_module", text("os"))
    return call("builtins", "getattr", module, text("mkdir")) + reduced(_marker(site)) + b"."


def _methodcaller(site: Site) -> bytes:
    module = call("importlib", "import_module", text("os"))
    caller = call("operator", "methodcaller", text("mkdir"), _marker(site))
    return caller + reduced(module) + b"."


def _partial(site: Site) -> bytes:
    return call("functools", "partial", name("posix", "mkdir"), _marker(site)) + reduced() + b"."


def _map_to_list(site: Site) -> bytes:
    """Call by iterating: no call names the function but `map`."""
    paths = b"]" + _marker(site) + b"a"
    return call("builtins", "list", call("builtins", "map", name("posix", "mkdir"), paths)) + b"."


def _class_attribute(_site: Site) -> bytes:
    """Replace a method of a class for the whole process, by state set on the class."""
    target = name("sklearn.linear_model._logistic", "LogisticRegression")
    state = b"N}" + text("predict") + name("sklearn.dummy", "DummyClassifier") + b"s\x86"
    return PROTO_4 + target + state + b"b."


def _item_call(site: Site) -> bytes:
    """Call by `defaultdict`'s factory."""
    factory = call("functools", "partial", name("posix", "mkdir"), _marker(site))
    missing = call("collections", "defaultdict", factory)
    return call("operator", "getitem", missing, b"K\x00") + b"."


def _nested(site: Site) -> bytes:
    inner = makes_marker(site) + b"."
    value = pickle.BINBYTES + struct.pack("<I", len(inner)) + inner
    return PROTO_4 + call("_pickle", "loads", value) + b"."


def _calls(module: str, attribute: str, argument: Callable[[Site], str]) -> Hostile:
    return raw(
        f"{module}.{attribute}",
        lambda site: call(module, attribute, text(argument(site))) + b".",
        Effect.MARKER,
    )


def _path(site: Site) -> str:
    return str(site.marker)


class _Shows:
    """An object whose state is set by a function of ours, pickled by value."""

    def __init__(self, site: Site) -> None:
        self.marker = str(site.marker)

    def __setstate__(self, state: dict[str, str]) -> None:
        import os

        os.mkdir(state["marker"])


def _by_value(make: Callable[[Site], Any]) -> Callable[[Site], bytes]:
    """Pickle so that no module of the tests is needed to load it."""
    import tests.support.hostile.pickles as here

    def dump(site: Site) -> bytes:
        cloudpickle.register_pickle_by_value(here)
        try:
            return bytes(cloudpickle.dumps(make(site)))
        finally:
            cloudpickle.unregister_pickle_by_value(here)

    return dump


def _lambda(site: Site) -> Any:
    marker = str(site.marker)

    def touch(values: Any) -> Any:
        open(marker, "w").close()
        return values

    return answering(FunctionTransformer(touch))


def _subclass(site: Site) -> Any:
    marker = str(site.marker)

    class Regression(LogisticRegression):  # type: ignore[misc]
        def predict(self, values: Any) -> Any:
            open(marker, "w").close()
            return np.zeros(len(values))

    return Regression()


def _frame_method(site: Site) -> Any:
    import pandas as pd

    step = FunctionTransformer(pd.DataFrame.to_csv, kw_args={"path_or_buf": str(site.marker)})
    return answering(step)


def _save_text(site: Site) -> Any:
    from functools import partial

    return answering(FunctionTransformer(partial(np.savetxt, str(site.marker))))


def _cloud(name: str, make: Callable[[Site], Any], effect: Effect = Effect.MARKER) -> Hostile:
    return raw(name, _by_value(make), effect, Kind.CLOUDPICKLE)


def _joblib(compress: Any) -> Callable[[Site], bytes]:
    def dump(_site: Site) -> bytes:
        file = BytesIO()
        joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), file, compress=compress)
        return file.getvalue()

    return dump


def _array_file(site: Site) -> bytes:
    """Have old joblib's array wrapper read a file that it names."""
    fields = b"}" + text("filename") + text(str(site.secret)) + b"s"
    return name("joblib.numpy_pickle_compat", "NDArrayWrapper") + b")\x81" + fields + b"b."


PICKLES: tuple[Hostile, ...] = (
    raw("reduce", lambda site: makes_marker(site) + b".", Effect.MARKER),
    raw("INST", _inst, Effect.MARKER),
    raw("OBJ", _obj, Effect.MARKER),
    raw("a dotted name through a module of scikit-learn", _dotted, Effect.MARKER),
    raw("a dotted name of a method", _dotted_method, Effect.MARKER),
    raw("a name from the memo", _through_memo, Effect.MARKER),
    raw("a name in escapes of protocol 0", _escaped, Effect.MARKER),
    raw("a computed name", _computed_name, Effect.MARKER),
    raw("an extension code", _extension, Effect.MARKER),
    raw("copyreg's reconstructor", _reconstructor, Effect.MARKER),
    raw("getattr of an imported module", _getattr, Effect.MARKER),
    raw("methodcaller", _methodcaller, Effect.MARKER),
    raw("partial", _partial, Effect.MARKER),
    raw("list of a map", _map_to_list, Effect.MARKER),
    raw("a default factory", _item_call, Effect.MARKER),
    raw("a pickle in a pickle", _nested, Effect.MARKER),
    raw("a call before the stream breaks off", makes_marker, Effect.MARKER),
    raw("a call whose result is thrown away", lambda s: makes_marker(s) + b"0" + _ordinary(drop=0),
        Effect.MARKER),
    raw("a call in the state of an honest model",
        lambda s: _ordinary() + b"}" + text("coef_") + makes_marker(s) + b"sb.", Effect.MARKER),
    raw("state set on a class", _class_attribute),
    raw("a persistent id", lambda _s: b"Pposix.mkdir\n."),
    raw("a persistent id from the stack", lambda s: PROTO_4 + _marker(s) + pickle.BINPERSID + b"."),
    raw("data after the end", lambda s: _ordinary(drop=0) + b"\x00" * 64),
    raw("a second pickle after the first", lambda s: _ordinary(drop=0) + makes_marker(s) + b"."),
    raw("an empty file", lambda _s: b""),
    raw("in gzip", lambda s: gzip.compress(makes_marker(s) + b".")),
    raw("in bzip2", lambda s: bz2.compress(makes_marker(s) + b".")),
    _calls("posix", "system", _shell),
    _calls("builtins", "eval", _python),
    _calls("builtins", "exec", _python),
    _calls("__builtin__", "eval", _python),
    _calls("commands", "getoutput", _shell),
    _calls("subprocess", "getoutput", _shell),
    _calls("timeit", "timeit", _python),
    _calls("cProfile", "run", _python),
    _calls("logging", "FileHandler", _path),
    _calls("numpy.f2py.crackfortran", "myeval", _python),
    raw("numpy.memmap",
        lambda s: name("numpy", "memmap") + b"(" + _marker(s) + text("f8") + text("w+")
        + b"K\x00K\x04t\x81.", Effect.MARKER),
    _calls("sklearn.datasets._base", "get_data_home", _path),
    _cloud("a class that is pickled by value", _Shows),
    _cloud("a function of its own", _lambda),
    _cloud("a subclass of its own", _subclass),
    _cloud("a frame's method as a step", _frame_method),
    _cloud("np.savetxt as a step", _save_text),
    raw("joblib's own format", _joblib(0), kind=Kind.JOBLIB),
    raw("joblib in zlib", _joblib(("zlib", 3)), kind=Kind.JOBLIB),
    raw("joblib in lzma", _joblib(("lzma", 1)), kind=Kind.JOBLIB),
    raw("joblib's array from a file", _array_file, kind=Kind.JOBLIB),
)  # fmt: skip
