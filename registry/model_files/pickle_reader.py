"""Reads a pickle into a tree without running it.

CPython's own pure-Python unpickler interprets the stream, so that memo and stack behave as they do
on loading; but every global is a stand-in from a fixed list, every call is imitated (`calls`), and
every opcode counts. What is not known is a problem: lists of known bad names can be bypassed.
"""

from __future__ import annotations

import pickle
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from typing import Any, ClassVar

from registry.model_files import calls, known, limits
from registry.model_files.budget import Budget
from registry.model_files.consumed import Consumed
from registry.model_files.errors import MalformedError
from registry.model_files.nodes import Instance, Unknown

_MAX_LINE_BYTES = 65536
_STOP: type[Exception] = pickle._Stop  # type: ignore[attr-defined]


class Problems:
    """The problems of a file, each once, only the first few, in order."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, text: str) -> None:
        """Add a problem unless it is known or enough are."""
        if len(self._found) < limits.SHOWN_PROBLEMS:
            self._found[text] = None

    def __bool__(self) -> bool:
        return bool(self._found)

    def lines(self) -> tuple[str, ...]:
        """Return the problems in the order in which they were found."""
        return tuple(self._found)


def read_pickle(data: memoryview, problems: Problems) -> object:
    """Return the tree of one pickle; never raises because of its contents.

    Any error while reading is a problem: a stream that breaks off may already have called something
    by then. Bytes of arrays are copied once, out of `data`.
    """
    reader = _Reader(data, problems)
    try:
        root = reader.load()
        if reader.left_over():
            problems.add("data after the end of the pickle")
    except RecursionError:
        problems.add("nested too deeply")
    except MalformedError as err:
        problems.add(str(err))
    except Exception as err:
        problems.add(f"not a well-formed pickle ({type(err).__name__}: {str(err)[:200]})")
    else:
        return root
    return None


class _Reader(pickle._Unpickler):
    """Runs the stack machine; calls nothing, imports nothing that the stream names."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    # The base class makes these while it loads.
    proto: int
    stack: list[Any]
    append: Callable[[object], None]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, data: memoryview, problems: Problems) -> None:
        # The base class wants a file; what it reads with is replaced below.
        super().__init__(_Nothing())
        self._data = data
        self._at = 0
        self._calls_left = min(
            limits.MAX_CALLS, int(limits.FREE_CALLS + len(data) * limits.CALLS_PER_BYTE)
        )
        self._budget = Budget(len(data))
        self._consumed = Consumed()
        self._problems = problems

    def load(self) -> object:
        self.metastack: list[list[Any]] = []
        self.stack = []
        self.append = self.stack.append
        self.proto = 0
        data, dispatch = self._data, self.dispatch
        budget = min(
            limits.MAX_OPCODES, int(limits.FREE_OPCODES + len(data) * limits.OPCODES_PER_BYTE)
        )
        try:
            for _ in range(budget):
                opcode = data[self._at]
                self._at += 1
                dispatch[opcode](self)
        except IndexError as err:
            raise EOFError("the stream breaks off") from err
        except _STOP as stop:
            return stop.value  # type: ignore[attr-defined]
        raise MalformedError(f"more than {budget} instructions")

    def read(self, size: int) -> bytes:
        end = self._at + size
        if size < 0 or end > len(self._data):
            raise EOFError("the stream breaks off")
        found = bytes(self._data[self._at : end])
        self._at = end
        return found

    def readline(self) -> bytes:
        # Lines are the text opcodes of protocol 0: names and numbers.
        size = 64
        while size <= _MAX_LINE_BYTES:
            window = bytes(self._data[self._at : self._at + size])
            end = window.find(b"\n")
            if end >= 0:
                self._at += end + 1
                return window[: end + 1]
            size *= 4
        raise EOFError("a line that does not end")

    def left_over(self) -> bool:
        return self._at < len(self._data)

    def find_class(self, module: Any, name: Any) -> object:
        if not isinstance(module, str) or not isinstance(name, str):
            self._problems.add("a global whose name is computed")
            return Unknown("?")
        if self.proto < 3:
            # As loading does: a module of Python 2 must not hide behind its old name.
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[(module, name)]
            else:
                module = IMPORT_MAPPING.get(module, module)
        found = known.find(module, name)
        if found is None:
            self._problems.add(known.refused("global", module, name))
            return Unknown(f"{module[:100]}.{name[:100]}")
        return found

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.append(self.find_class(module, name))

    dispatch[pickle.STACK_GLOBAL[0]] = load_stack_global

    def load_reduce(self) -> None:
        self._calls_left -= 1
        if self._calls_left < 0:
            raise MalformedError("more calls than a file of its size makes")
        args = self.stack.pop()
        self._budget.spend_on(args)
        self.stack[-1] = calls.call(self.stack[-1], args)
        self._consumed.take(args)

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_reduce

    def load_newobj_ex(self) -> None:
        if self.stack.pop() != {}:
            raise MalformedError("a call with named arguments")
        self.load_reduce()

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _instantiate(self, klass: object, args: list[object]) -> None:
        self._budget.spend_on(tuple(args))
        self.append(calls.call(klass, tuple(args)))
        self._consumed.take(args)

    def load_build(self) -> None:
        state = self.stack.pop()
        self._budget.spend_on(state)
        self._consumed.check(self.stack[-1])
        calls.set_state(self.stack[-1], state)
        self._consumed.take(state)

    dispatch[pickle.BUILD[0]] = load_build

    def _container(self, kind: type) -> Any:
        found = self.stack[-1]
        self._consumed.check(found)
        if kind is dict and isinstance(found, Instance) and found.items is not None:
            return found.items
        if isinstance(found, Unknown):
            return kind()
        if type(found) is not kind:
            raise MalformedError(f"entries added to something that is no {kind.__name__}")
        return found

    def load_append(self) -> None:
        item = self.stack.pop()
        self._container(list).append(item)

    dispatch[pickle.APPEND[0]] = load_append

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._container(list).extend(items)

    dispatch[pickle.APPENDS[0]] = load_appends

    def _pairs(self, items: list[Any]) -> dict[object, object]:
        if len(items) % 2:
            raise MalformedError("a dict with half an entry")
        return dict(zip(self._keys(items[::2]), items[1::2], strict=True))

    def _keys(self, items: list[Any]) -> list[object]:
        for key in items:
            if isinstance(key, str | bytes) and len(key) > limits.FREE_KEY_CHARACTERS:
                self._budget.spend(len(key))
        return calls.hashable(items)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._keys([key])
        self._container(dict)[key] = value

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        items = self.pop_mark()
        self._container(dict).update(self._pairs(items))

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def load_dict(self) -> None:
        items = self.pop_mark()  # puts another stack in place
        self.append(self._pairs(items))

    dispatch[pickle.DICT[0]] = load_dict

    def load_additems(self) -> None:
        items = self.pop_mark()
        self._container(set).update(self._keys(items))

    dispatch[pickle.ADDITEMS[0]] = load_additems

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        self.append(frozenset(self._keys(items)))

    dispatch[pickle.FROZENSET[0]] = load_frozenset

    def load_frame(self) -> None:
        # A frame only says how much to read ahead.
        self.read(8)

    dispatch[pickle.FRAME[0]] = load_frame

    def load_long4(self) -> None:
        (size,) = struct.unpack("<i", self.read(4))
        self._long(size)

    dispatch[pickle.LONG4[0]] = load_long4

    def load_long1(self) -> None:
        self._long(self.read(1)[0])

    dispatch[pickle.LONG1[0]] = load_long1

    def _long(self, size: int) -> None:
        if not 0 <= size <= limits.MAX_LONG_BYTES:
            raise MalformedError(f"a number of {size} bytes")
        self.append(int.from_bytes(self.read(size), "little", signed=True))

    def load_bytearray8(self) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(size))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def get_extension(self, code: int) -> None:
        raise MalformedError(f"extension code {code}")

    def persistent_load(self, _pid: object) -> Unknown:
        self._problems.add("a persistent id")
        return Unknown("a persistent id")


class _Nothing:
    def read(self, _size: int) -> bytes:
        return b""

    def readline(self) -> bytes:
        return b""
