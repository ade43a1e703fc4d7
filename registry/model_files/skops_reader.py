"""Reads a skops file into the same tree as pickles, without importing what the file names."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse

from registry.model_files import calls, known, limits, numpy_values, zipped
from registry.model_files.budget import Budget
from registry.model_files.errors import MalformedError
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance, Masked, Named, Unknown
from registry.model_files.pickle_reader import Problems
from registry.model_files.plain import describe

State = Mapping[str, Any]
_PROTOCOLS = (1, 2)
_MAX_DIGITS = 40
_POINTER_BYTES = 8
_OPEN = object()


def read_skops(data: memoryview, problems: Problems) -> object:
    """Return the tree of one skops file; never raises because of its contents."""
    try:
        archive = zipped.Archive(data)
        schema = _schema(archive, len(data))
        if not isinstance(schema, dict) or schema.get("protocol") not in _PROTOCOLS:
            raise MalformedError("a skops protocol that is not known")
        budget = Budget(max(len(data), archive.unpacked_bytes // limits.WORK_PER_BYTE))
        root = _Reader(archive, problems, budget).node(schema)
        # skops itself leaves some: of arrays that share an identity, only one is named.
        if archive.unread() > limits.FREE_ZIP_ENTRIES + 2 * archive.was_read():
            problems.add(f"{archive.unread()} entries that nothing names")
        return root
    except RecursionError:
        problems.add("nested too deeply")
    except MalformedError as err:
        problems.add(str(err))
    except Exception as err:
        problems.add(f"not a well-formed skops file ({type(err).__name__}: {str(err)[:200]})")
    return None


def _schema(archive: zipped.Archive, file_bytes: int) -> Any:
    """Return the parsed schema, unless it is far larger in memory than its file."""
    allowed = limits.FREE_SCHEMA_BYTES + limits.MAX_SCHEMA_RATIO * file_bytes
    text = archive.read("schema.json", min(limits.MAX_SCHEMA_BYTES, allowed))
    objects = text.count(b"{") + text.count(b"[")
    if objects > limits.FREE_SCHEMA_OBJECTS + len(text) // limits.SCHEMA_BYTES_PER_OBJECT:
        raise MalformedError(f"a schema of {objects} objects and lists in {len(text)} bytes")
    return json.loads(text)


class _Reader:
    """Turns each skops node into a node of this package; shared nodes stay shared."""

    def __init__(self, archive: zipped.Archive, problems: Problems, budget: Budget) -> None:
        self._archive = archive
        self._budget = budget
        self._arrays: dict[str, Any] = {}
        self._tables: dict[str, dict[str, Any]] = {}
        self._problems = problems
        self._memo: dict[object, object] = {}
        self._depth = 0
        self._loaders: dict[str, Callable[[State], object]] = {
            "BytearrayNode": self._bytes,
            "BytesNode": self._bytes,
            "ConstructorFromReduceNode": self._constructed,
            "DTypeNode": self._dtype,
            "DictNode": self._dict,
            "FunctionNode": self._global,
            "JsonNode": self._json,
            "ListNode": self._list,
            "LossNode": self._reduced,
            "MaskedArrayNode": self._masked,
            "NdArrayNode": self._array,
            "ObjectNode": self._object,
            "PartialNode": self._partial,
            "RandomGeneratorNode": self._generator,
            "RandomStateNode": self._random_state,
            "SetNode": self._set,
            "SliceNode": self._slice,
            "SparseMatrixNode": self._sparse,
            "TreeNode": self._reduced,
            "TupleNode": self._tuple,
            "TypeNode": self._global,
        }

    def node(self, state: object) -> Any:
        if not isinstance(state, dict):
            raise MalformedError("a node that is no object")
        key = state.get("__id__")
        calls.hashable([key])
        # As skops does it: what has been read under an identity stands for all that carry it.
        if key in self._memo:
            if self._memo[key] is _OPEN:
                raise MalformedError("an object that holds itself")
            return self._memo[key]
        name = state.get("__loader__")
        loader = self._loaders.get(name) if isinstance(name, str) else None
        if loader is None:
            self._problems.add(f"a loader that is not known: {describe(name)}")
            return Unknown("?")
        self._depth += 1
        if self._depth > limits.MAX_DEPTH:
            raise MalformedError(f"nested deeper than {limits.MAX_DEPTH} levels")
        if key:
            self._memo[key] = _OPEN
        found = loader(state)
        self._depth -= 1
        if key:
            self._memo[key] = found
        return found

    def _named(self, state: State) -> object:
        module, name = state.get("__module__"), state.get("__class__")
        if not isinstance(module, str) or not isinstance(name, str):
            raise MalformedError("a type without a name")
        found = known.find(module, name)
        if found is None:
            self._problems.add(known.refused("type", module, name))
            return Unknown(f"{module[:100]}.{name[:100]}")
        return found

    def _class(self, state: State) -> type | None:
        named = self._named(state)
        if isinstance(named, Named) and named.target is not None:
            return named.target
        if not isinstance(named, Unknown):
            self._problems.add(f"an object of type {state['__module__']}.{state['__class__']}")
        return None

    def _is(self, state: State, *names: str) -> None:
        label = f"{state.get('__module__')}.{state.get('__class__')}"
        if label not in names:
            raise MalformedError(f"type {label[:100]} where {names[0]} belongs")

    def _json(self, state: State) -> object:
        content = state["content"]
        if not isinstance(content, str) or content.lstrip()[:1] in ("[", "{"):
            raise MalformedError("a JSON value that is no plain scalar")
        value = json.loads(content)
        if value is not None and not isinstance(value, bool | int | float | str):
            raise MalformedError("a JSON value that is no plain scalar")
        return value

    def _global(self, state: State) -> object:
        return self._named(state)

    def _dict(self, state: State) -> object:
        content = state["content"]
        types = self.node(state["key_types"])
        if not isinstance(content, dict) or not isinstance(types, list):
            raise MalformedError("a dict without content")
        if len(types) != len(content):
            raise MalformedError("a dict whose keys and types differ in number")
        # skops builds keys from JSON, so that 1 and "1" of one dict are already one entry.
        keys = calls.hashable(list(map(_key, types, content)))
        found = dict(zip(keys, map(self.node, content.values()), strict=True))
        if (state.get("__module__"), state.get("__class__")) == ("sklearn.utils._bunch", "Bunch"):
            cls = self._class(state)
            return Instance(cls, items=found) if cls is not None else Unknown("Bunch")
        self._is(state, "builtins.dict", "collections.OrderedDict")
        return found

    def _list(self, state: State) -> list[object]:
        self._is(state, "builtins.list")
        return self._items(state)

    def _set(self, state: State) -> object:
        self._is(state, "builtins.set", "builtins.frozenset")
        return set(calls.hashable(self._items(state)))

    def _tuple(self, state: State) -> object:
        items = tuple(self._items(state))
        if (state.get("__module__"), state.get("__class__")) == ("builtins", "tuple"):
            return items
        cls = self._class(state)
        if cls is None or family(cls) is not Family.TRIPLET:
            raise MalformedError("a tuple of a foreign type")
        return Instance(cls, items)

    def _items(self, state: State) -> list[object]:
        content = state["content"]
        if not isinstance(content, list):
            raise MalformedError("a list without content")
        return [self.node(item) for item in content]

    def _slice(self, state: State) -> object:
        content = state["content"]
        self._is(state, "builtins.slice")
        call = Named("builtins.slice")
        return calls.call(call, (content["start"], content["stop"], content["step"]))

    def _bytes(self, state: State) -> bytes:
        return self._archive.read(state["file"])

    def _array(self, state: State) -> object:
        if state["type"] == "json":
            self._is(state, "numpy.ndarray")
            shape = self.node(state["shape"])
            return Array(self._objects(self._items(state), shape))
        if state["type"] != "numpy":
            raise MalformedError("an array of a foreign kind")
        values = self._npy(state["file"])
        if (state.get("__module__"), state.get("__class__")) == ("numpy", "ndarray"):
            return Array(values)
        named = self._named(state)
        if not (isinstance(named, type) and issubclass(named, np.generic)) or values.shape != ():
            raise MalformedError("a numpy scalar of a foreign type")
        return numpy_values.scalar(values.dtype, values.tobytes())

    def _npy(self, name: object) -> Any:
        """Return the array of an entry; reads the entry once, and charges the budget for copies."""
        data = self._archive.read(name)
        self._budget.spend(len(data))
        if name not in self._arrays:
            self._arrays[str(name)] = zipped.npy(data)
        return self._arrays[str(name)]

    def _npz(self, name: object) -> dict[str, Any]:
        """Return the arrays of an entry; unpacks the entry once, and only if it may be."""
        data = self._archive.read(name)
        if name in self._tables:
            self._budget.spend(sum(part.nbytes for part in self._tables[str(name)].values()))
        else:
            inner = zipped.Archive(memoryview(data))
            self._budget.spend(inner.unpacked_bytes)
            self._tables[str(name)] = zipped.npz(inner)
        return self._tables[str(name)]

    def _objects(self, items: list[object], shape: object) -> Any:
        """Return an array of objects from skops' nested lists."""
        sizes = numpy_values.plain_shape(shape)
        self._budget.spend(_POINTER_BYTES * math.prod(sizes))
        count = 1
        for size, inner_size in itertools.pairwise(sizes):
            count *= size
            if len(items) != count or not all(
                isinstance(item, list) and len(item) == inner_size for item in items
            ):
                raise MalformedError("an array of objects of a foreign shape")
            items = [inner for item in items for inner in item]  # type: ignore[attr-defined]
        return numpy_values.array_of_objects(items, shape, fortran=False)

    def _masked(self, state: State) -> Masked:
        self._is(state, "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray")
        content = state["content"]
        data, mask = self.node(content["data"]), self.node(content["mask"])
        if isinstance(mask, bool | np.bool_) and isinstance(data, Array):
            self._budget.spend(data.values.size)
            mask = Array(np.full(data.values.shape, bool(mask)))
        return Masked(data, mask)

    def _dtype(self, state: State) -> object:
        self._is(state, "numpy.dtype")
        content = self.node(state["content"])
        if not isinstance(content, Array):
            raise MalformedError("a dtype without an array")
        return content.values.dtype

    def _sparse(self, state: State) -> object:
        cls = self._class(state)
        if cls is None or family(cls) is not Family.SPARSE or state["type"] != "scipy":
            return Unknown("a sparse matrix")
        parts = self._npz(state["file"])
        if set(parts) - {"_is_array"} != {"indices", "indptr", "format", "shape", "data"}:
            raise MalformedError("a sparse matrix with foreign parts")
        form = parts["format"].item()
        form = form.decode("ascii", "replace") if isinstance(form, bytes) else str(form)
        # The file itself says what is made of it, not the name beside it.
        kind = form + ("_array" if parts.get("_is_array") else "_matrix")
        if kind not in {"csr_matrix", "csr_array", "csc_matrix", "csc_array"}:
            raise MalformedError("a sparse matrix of a foreign format")
        state = {key: Array(parts[key]) for key in ("data", "indices", "indptr")}
        shape = tuple(int(v) for v in parts["shape"].ravel()[:3])
        return Instance(getattr(scipy.sparse, kind), state=state | {"_shape": shape})

    def _object(self, state: State) -> object:
        cls = self._class(state)
        content = state.get("content")
        value = self.node(content) if content is not None else None
        if cls is None:
            return Unknown("an object")
        return Instance(cls, state=value)

    def _constructed(self, state: State) -> object:
        cls = self._class(state)
        args = self.node(state["content"])
        self._budget.spend_on(args)
        if cls is None:
            return Unknown("an object")
        return calls.call(Named("constructor", cls), args)

    def _partial(self, state: State) -> object:
        content = state["content"]
        cls = self._class(state)
        parts = tuple(self.node(content[key]) for key in ("func", "args", "kwds", "namespace"))
        if cls is None:
            return Unknown("a partial function")
        return Instance(cls, parts[:1], parts)

    def _reduced(self, state: State) -> object:
        cls = self._class(state)
        args, value = self.node(state["__reduce__"]["args"]), self.node(state["content"])
        if cls is None:
            return Unknown("an object")
        node = calls.instance(cls, args if isinstance(args, tuple) else (args,))
        node.state = value or None
        return node

    def _random_state(self, state: State) -> object:
        self._is(state, "numpy.random.mtrand.RandomState")
        return Instance(np.random.RandomState, state=self.node(state["content"]))

    def _generator(self, state: State) -> object:
        self._is(state, "numpy.random._generator.Generator")
        numbers = self.node(state["content"]["bit_generator"])
        bits = Instance(np.random.PCG64, state=numbers)
        return Instance(np.random.Generator, (bits,))


def _key(kind: object, text: str) -> object:
    if kind in (str, np.str_):
        return text
    if len(text) <= _MAX_DIGITS:
        if kind is int or (isinstance(kind, type) and issubclass(kind, np.integer)):
            return int(text)
        if kind is float or (isinstance(kind, type) and issubclass(kind, np.floating)):
            return float(text)
        if kind is bool and text in {"true", "false"}:
            return True  # as skops does: every text is true
    raise MalformedError("a key of a foreign type")
