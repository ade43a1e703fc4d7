"""Imitates the calls that a pickle makes: returns nodes, and calls nothing.

Only what honest models of scikit-learn call has an imitation, and only with arguments of the form
that scikit-learn, numpy and scipy write.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from registry.model_files import known, numpy_values
from registry.model_files.errors import MalformedError
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, DType, Instance, Masked, Method, Named, Unknown

Args = tuple[object, ...]
_CALLED = frozenset({Family.TREE, Family.LOSS_PART, Family.TRIPLET, Family.PARTIAL})
_MAX_SPAN = 2**62
_MAX_KEY = 2**60
_MAX_TUPLE_KEYS = 100


def call(function: object, args: object) -> object:
    """Return what calling `function` would have made.

    Raises:
        MalformedError: no honest model calls that, or not with these arguments.
    """
    if not isinstance(args, tuple):
        raise MalformedError("a call without a tuple of arguments")
    if isinstance(function, Unknown):
        return Unknown(f"the result of {function.label}")
    if function is bytes and not args:
        return b""  # as protocol 2 writes it
    if not isinstance(function, Named):
        raise MalformedError("a call of something that is not a plain global")
    if any(isinstance(value, Unknown) for value in args):
        return Unknown(f"the result of {function.label}")
    if function.target is not None:
        if function.label.rpartition(".")[2].startswith("__pyx_unpickle_"):
            return _unpickled(function.target, args)
        return instance(function.target, args)
    imitation = _IMITATIONS.get(function.label)
    if imitation is None:
        raise MalformedError(f"a call of {function.label}")
    try:
        return imitation(*args)
    except (TypeError, ValueError, OverflowError) as err:
        raise MalformedError(f"a call of {function.label} with foreign arguments") from err


def instance(cls: type, args: Args) -> Instance:
    """Return an object of a class whose `__new__` was called with these arguments."""
    if args and family(cls) not in _CALLED:
        raise MalformedError(f"a call of {cls.__name__} with arguments")
    return Instance(cls, args, items={} if family(cls) is Family.BUNCH else None)


def set_state(node: object, state: object) -> None:
    """Imitate the setting of an object's state, which may happen once."""
    if isinstance(node, DType):
        numpy_values.set_dtype_state(node, state)
    elif isinstance(node, Array):
        numpy_values.set_array_state(node, state)
    elif isinstance(node, Masked):
        _set_masked_state(node, state)
    elif isinstance(node, Instance):
        if node.state is not None:
            raise MalformedError(f"state set twice on a {node.cls.__name__}")
        node.state = state
    elif isinstance(node, Named):
        raise MalformedError(f"state set on the global {node.label}")
    elif not isinstance(node, Unknown):
        raise MalformedError("state set on something that is not an object")


def _unpickled(cls: type, args: Args) -> Instance:
    """Imitate what Cython generates: the class, a checksum, and a state or None."""
    if len(args) != 3 or _target(args[0]) is not cls:
        raise MalformedError(f"a foreign call of __pyx_unpickle_{cls.__name__}")
    return Instance(cls, (), args[2] or None)


def _target(value: object) -> type | None:
    return value.target if isinstance(value, Named) else None


def _new_object(named: object) -> Instance:
    cls = _target(named)
    if cls is None or family(cls) not in {Family.BINARY_TREE, Family.METRIC}:
        raise MalformedError("a neighbour tree or metric of a foreign class")
    return Instance(cls)


def _reconstructor(named: object, base: object, state: object) -> Instance:
    cls = _target(named)
    if cls is None or not ((base is object and state is None) or (base == "dict" and not state)):
        raise MalformedError("an object reconstructed in a foreign way")
    return instance(cls, ())


def _is(value: object, *labels: str) -> bool:
    return isinstance(value, Named) and value.label in labels


def _reconstruct(kind: object, shape: object, code: object) -> Array:
    if not _is(kind, "numpy.ndarray") or shape != (0,) or code not in (b"b", "b"):
        raise MalformedError("an array of a foreign class")
    return Array()


def _from_buffer(
    data: object, dtype: object, shape: object, order: object, axes: object = None
) -> Array:
    values = numpy_values.array_from_bytes(
        data, numpy_values.dtype_of(dtype), shape, fortran=order == "F"
    )
    if order == "K" and axes is not None:
        values = numpy_values.transposed(values, axes)
    return Array(values)


def _dtype(code: object, _align: object, _copy: object) -> DType:
    return numpy_values.dtype_from_code(code)


def _scalar(dtype: object, data: object = b"") -> object:
    return numpy_values.scalar(numpy_values.dtype_of(dtype), data)


def _masked(kind: object, base: object, _shape: object, _code: object) -> Masked:
    if not _is(kind, "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"):
        raise MalformedError("a masked array of a foreign class")
    if not _is(base, "numpy.ndarray"):
        raise MalformedError("a masked array of a foreign base")
    return Masked()


def _set_masked_state(node: Masked, state: object) -> None:
    if node.data is not None or not isinstance(state, tuple) or len(state) != 7:
        raise MalformedError("a masked array with a foreign state")
    version, shape, dtype, fortran, data, mask, _fill = state
    node.data = Array()
    numpy_values.set_array_state(node.data, (version, shape, dtype, fortran, data))
    flags = numpy_values.array_from_bytes(mask, np.dtype(bool), shape, fortran=bool(fortran))
    node.mask = Array(flags)


def _bits(kind: object = "MT19937") -> Instance:
    name = kind.label.rpartition(".")[2] if isinstance(kind, Named) else kind
    known = {"MT19937": np.random.MT19937, "PCG64": np.random.PCG64}
    if not isinstance(name, str) or name not in known:
        raise MalformedError("a random generator of a foreign kind")
    return Instance(known[name])


def _random(cls: type) -> Callable[..., Instance]:
    def make(bits: object = "MT19937", _constructor: object = None) -> Instance:
        node = bits if isinstance(bits, Instance) else _bits(bits)
        return Instance(cls, (node,))

    return make


def _seeds(*_args: object) -> Instance:
    # What a generator was seeded with decides no prediction; its state does. It is not kept.
    return Instance(np.random.SeedSequence)


def _range(start: object, stop: object, step: object) -> range:
    match start, stop, step:
        case int(), int(), int() if step and max(abs(start), abs(stop), abs(step)) < _MAX_SPAN:
            return range(start, stop, step)
    raise MalformedError("a range of foreign bounds")


def _slice(start: object, stop: object, step: object) -> slice:
    for value in (start, stop, step):
        if value is not None and type(value) not in (int, str):
            raise MalformedError("a slice of foreign bounds")
    return slice(start, stop, step)


def _complex(real: object, imaginary: object) -> complex:
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise MalformedError("a complex number of foreign parts")
    return complex(real, imaginary)


def _set(items: object = ()) -> set[object]:
    return set(hashable(items))


def _frozenset(items: object = ()) -> frozenset[object]:
    return frozenset(hashable(items))


def _empty_dict(*args: object) -> dict[object, object]:
    if args:
        raise MalformedError("a dict made of arguments")
    return {}


def _empty_list(*args: object) -> list[object]:
    if args:
        raise MalformedError("a list made of arguments")
    return []


def _attribute(owner: object, name: object) -> Method:
    """Imitate `getattr`, for the one method that scikit-learn leaves on an object of its class."""
    if not isinstance(owner, Instance) or family(owner.cls) is not Family.ESTIMATOR:
        raise MalformedError("a call of builtins.getattr")
    if owner.cls.__module__ != known.BOOSTING or name != known.KEPT_METHOD:
        raise MalformedError("a call of builtins.getattr")
    return Method(owner, known.KEPT_METHOD)


def _builtin_type(name: object) -> Named:
    if name != "MethodType":
        raise MalformedError("a call of cloudpickle.cloudpickle._builtin_type")
    return Named("types.MethodType")


def _method(function: object, owner: object) -> Method:
    if not _is(function, f"{known.BOOSTING}.BaseHistGradientBoosting.{known.KEPT_METHOD}"):
        raise MalformedError("a method of a foreign function")
    return _attribute(owner, known.KEPT_METHOD)


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise MalformedError("bytes in a foreign encoding")
    return text.encode("latin1")


def hashable(items: object) -> list[object]:
    """Return keys or members that are safe to hash: plain scalars whose hashes nobody can choose.

    Text is hashed with a secret; numbers below 2 ** 60 hash to themselves. A few short flat tuples
    may stand among them.

    Raises:
        MalformedError: hashing could run code, never end, or collide by design.
    """
    if not isinstance(items, list | tuple):
        raise MalformedError("members that are no list")
    tuples = 0
    for item in items:
        if type(item) is tuple:
            tuples += 1
            if tuples > _MAX_TUPLE_KEYS or len(item) > _MAX_TUPLE_KEYS:
                raise MalformedError("many keys or members that are tuples")
            for part in item:
                _check_key(part)
        else:
            _check_key(item)
    return list(items)


def _check_key(key: object) -> None:
    if key is None or isinstance(key, bool | float | str | bytes | np.bool_ | np.str_):
        return
    if isinstance(key, int | np.integer) and abs(int(key)) < _MAX_KEY:
        return
    if isinstance(key, np.floating):
        return
    raise MalformedError(
        f"a key or member that is {'a large' if isinstance(key, int) else 'a'} {type(key).__name__}"
    )


_IMITATIONS: dict[str, Callable[..., object]] = {
    "_codecs.encode": _encode,
    "builtins.complex": _complex,
    "builtins.dict": _empty_dict,
    "builtins.frozenset": _frozenset,
    "builtins.getattr": _attribute,
    "builtins.list": _empty_list,
    "builtins.range": _range,
    "builtins.set": _set,
    "builtins.slice": _slice,
    "cloudpickle.cloudpickle._builtin_type": _builtin_type,
    "collections.OrderedDict": _empty_dict,
    "copyreg._reconstructor": _reconstructor,
    "numpy.dtype": _dtype,
    "numpy.ma.core._mareconstruct": _masked,
    "numpy.random._pickle.__bit_generator_ctor": _bits,
    "numpy.random._pickle.__generator_ctor": _random(np.random.Generator),
    "numpy.random._pickle.__randomstate_ctor": _random(np.random.RandomState),
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": _seeds,
    "sklearn.metrics._dist_metrics.newObj": _new_object,
    "sklearn.neighbors._ball_tree.newObj": _new_object,
    "sklearn.neighbors._kd_tree.newObj": _new_object,
    "types.MethodType": _method,
}
for _core in ("core", "_core"):
    _IMITATIONS[f"numpy.{_core}.multiarray._reconstruct"] = _reconstruct
    _IMITATIONS[f"numpy.{_core}.multiarray.scalar"] = _scalar
    _IMITATIONS[f"numpy.{_core}.numeric._frombuffer"] = _from_buffer
