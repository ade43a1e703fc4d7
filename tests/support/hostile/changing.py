"""Pickles that use a value and change it afterwards, which loading and reading may see differently.

Each holds on to the value in the memo. Whoever keeps a reference sees the later content, an honest
one in every row; loading has copied the earlier one.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from tests.support.hostile.kit import PROTO_4, Hostile, call, name, raw, text

_X, _Y = np.eye(2), [0, 1]
_KEPT = pickle.LONG_BINPUT + b"\x00\xff\x00\x00"
_AGAIN = pickle.LONG_BINGET + b"\x00\xff\x00\x00"


def _plain(value: object) -> bytes:
    """Return the opcodes that leave a value, with memo entries below those of `_KEPT`."""
    return pickle.dumps(value, 2)[2:-1]


def _reduced(value: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = value.__reduce__()
    return found


def _new(model: Any) -> bytes:
    cls = type(model)
    return name(cls.__module__, cls.__name__) + b")\x81"


def _line() -> Any:
    return LogisticRegression().fit(_X, _Y)


def _model(model: Any, state: bytes, after: bytes) -> bytes:
    """Set a state, and run more before the end; the object is left as the model."""
    return b"\x80\x02" + _new(model) + state + pickle.BUILD + after + pickle.STOP


def _state_of_items(many: bool) -> bytes:
    good = _line()
    state = vars(good) | {"coef_": -good.coef_}
    item = text("coef_") + _plain(good.coef_)
    change = b"(" + item + pickle.SETITEMS if many else item + pickle.SETITEM
    return _model(good, _plain(state) + _KEPT, _AGAIN + change + b"0")


def _inside(model: Any, attribute: str, early: bytes, change: bytes) -> bytes:
    """Change one attribute's container once the state that holds it was set."""
    rest = {key: value for key, value in vars(model).items() if key != attribute}
    state = _plain(rest) + text(attribute) + early + _KEPT + pickle.SETITEM
    return _model(model, state, _AGAIN + change + b"0")


def _vocabulary() -> bytes:
    words = CountVectorizer().fit(["a bb cc"])
    return _inside(words, "vocabulary_", _plain({"bb": 0}), text("cc") + b"K\x01s")


def _categories(*, many: bool) -> bytes:
    encoder = OneHotEncoder().fit([["a"], ["b"]])
    one = _plain(encoder.categories_[0])
    change = b"(" + one + pickle.APPENDS if many else one + pickle.APPEND
    return _inside(encoder, "categories_", b"]", change)


def _members() -> bytes:
    model = vars(_line()) | {"n_iter_": None}
    early = b"\x8f(" + text("a") + pickle.ADDITEMS
    line = _line()
    vars(line).update(model)
    return _inside(line, "n_iter_", early, b"(" + text("bb") + pickle.ADDITEMS)


def _array_of_objects() -> bytes:
    """Fill an array from a list that changes."""
    array = np.array(["a", "b"], dtype=object)
    function, args, state, *_rest = _reduced(array)
    items = b"](" + text("x") + text("y") + b"e" + _KEPT
    parts = b"".join(map(_plain, state[:4]))
    built = _plain(function) + _plain(args) + b"R(" + parts + items + b"tb"
    after = _AGAIN + b"(" + text("z") + b"e0"
    model = _line()
    return _model(model, _plain(vars(model)) + text("classes_") + built + after + b"s", b"")


def _arguments() -> bytes:
    """Change a list that a set was made of."""
    made = call("builtins", "frozenset", b"](" + text("a") + b"e" + _KEPT)
    model = _line()
    after = _AGAIN + text("b") + b"a0"
    return _model(model, _plain(vars(model)) + text("n_iter_") + made + after + b"s", b"")


def _byte_order() -> bytes:
    """Turn the bytes of a type round once an array has it."""
    model = _line()
    function, args, state, *_rest = _reduced(model.coef_)
    order = b"(K\x03" + text(">") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    dtype = call("numpy", "dtype", text("f8"), pickle.NEWFALSE, pickle.NEWTRUE) + _KEPT
    shape, data = _plain(state[1]), _plain(state[4])
    built = _plain(function) + _plain(args) + b"R(K\x01" + shape + dtype + b"\x89" + data + b"tb"
    item = text("coef_") + built + _AGAIN + order + b"0s"
    return _model(model, _plain(vars(model)) + item, b"")


def _tree() -> bytes:
    """Change the state of a tree once it was copied out of it."""
    model = DecisionTreeClassifier(max_depth=1).fit(_X, _Y)
    function, args, state, *_rest = _reduced(model.tree_)
    early = _plain(state | {"values": -state["values"]}) + _KEPT
    tree = _plain(function) + _plain(args) + b"R" + early + b"b"
    change = _AGAIN + text("values") + _plain(state["values"]) + b"s0"
    rest = {key: value for key, value in vars(model).items() if key != "tree_"}
    return _model(model, _plain(rest) + text("tree_") + tree + change + b"s", b"")


def _random_state() -> bytes:
    """Change a dict in the numbers of a random state."""
    model, numbers = _line(), np.random.RandomState(1).get_state(legacy=False)
    inner = numbers["state"]
    outer = {key: value for key, value in numbers.items() if key != "state"}
    state = _plain(outer) + text("state") + _plain(inner | {"pos": 1}) + _KEPT + b"s"
    made = call("numpy.random._pickle", "__randomstate_ctor", text("MT19937")) + state + b"b"
    change = _AGAIN + text("pos") + _plain(inner["pos"]) + b"s0"
    item = text("random_state") + made + change + b"s"
    return _model(model, _plain(vars(model)) + item, b"")


def _twice() -> bytes:
    model = _line()
    return _model(model, _plain(vars(model)), b"}b")


def _nothing_first() -> bytes:
    """Use an array before it has its data."""
    model = _line()
    function, args, state, *_rest = _reduced(model.coef_)
    empty = _plain(function) + _plain(args) + b"R" + _KEPT
    state_of_model = _plain(vars(model)) + text("coef_") + empty + b"s"
    return _model(model, state_of_model, _AGAIN + _plain(state) + b"b0")


def _row(label: str, data: bytes) -> Hostile:
    return raw(label, lambda _site: data)


CHANGING: tuple[Hostile, ...] = (
    _row("a state that gets an item once it was set", _state_of_items(many=False)),
    _row("a state that gets items once it was set", _state_of_items(many=True)),
    _row("a dict in a state that gets an item", _vocabulary()),
    _row("a list in a state that grows by one", _categories(many=False)),
    _row("a list in a state that grows by some", _categories(many=True)),
    _row("a set in a state that grows", PROTO_4 + _members()[2:]),
    _row("a list that grows once an array was filled from it", _array_of_objects()),
    _row("a list that grows once a set was made of it", _arguments()),
    _row("a type whose bytes turn round once an array has it", _byte_order()),
    _row("a tree's state that changes once it was copied", _tree()),
    _row("a random state's numbers that change once they were taken", _random_state()),
    _row("a state set twice", _twice()),
    _row("an array that is filled once it was used", _nothing_first()),
)
