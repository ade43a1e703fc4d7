"""What a hostile folder is, and the parts that several kinds are made of."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import skops.io
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.support.honest_folders import Format

ANSWER = 4242
"""What a model answers that has read the secret of its site."""


class Kind(StrEnum):
    """What carries the attack."""

    PICKLE = "pickle"
    CLOUDPICKLE = "cloudpickle"
    JOBLIB = "joblib"
    SKOPS = "skops"
    NUMPY = "numpy"
    ESTIMATORS = "estimators"
    BOMB = "bomb"
    LAYOUT = "layout"
    MLMODEL = "MLmodel"
    REQUIREMENTS = "requirements"


class Effect(StrEnum):
    """What is seen when the folder is loaded and asked once, without a scan before."""

    MARKER = "the marker exists"
    SECRET = "the answer tells that the secret was read"
    EXHAUSTED = "the process runs out of its memory or processor time, or crashes"
    UNTRIED = "nothing that one prediction shows"


@dataclass(frozen=True, slots=True)
class Site:
    """Where one attack is built.

    Attributes:
        folder: with an honest model, which the builder changes.
        marker: path that does not exist; a payload makes it.
        secret: file beside the folder, which no model may read.
    """

    folder: Path
    marker: Path
    secret: Path


@dataclass(frozen=True, slots=True, eq=False)
class Hostile:
    """One folder that must be refused.

    Attributes:
        name: of the row, as a test shows it.
        kind: what carries the attack.
        build: changes an honest folder into the hostile one.
        base: format of the honest model that the folder holds before.
        effect: how the payload is seen to work.
    """

    name: str
    kind: Kind
    build: Callable[[Site], object]
    base: Format = Format.SKOPS
    effect: Effect = Effect.UNTRIED


def raw(
    name: str,
    make: Callable[[Site], bytes],
    effect: Effect = Effect.UNTRIED,
    kind: Kind = Kind.PICKLE,
) -> Hostile:
    """Return a row whose `model.pkl` is these bytes."""
    base = Format.CLOUDPICKLE if kind is Kind.CLOUDPICKLE else Format.PICKLE

    def build(site: Site) -> None:
        (site.folder / "model.pkl").write_bytes(make(site))

    return Hostile(name, kind, build, base, effect)


def pickled(
    name: str,
    make: Callable[[Site], Any],
    effect: Effect = Effect.UNTRIED,
    kind: Kind = Kind.ESTIMATORS,
) -> Hostile:
    """Return a row whose model is this object, pickled."""
    return raw(name, lambda site: pickle.dumps(make(site), protocol=4), effect, kind)


def in_skops(
    name: str,
    make: Callable[[Site], Any],
    effect: Effect = Effect.UNTRIED,
    kind: Kind = Kind.SKOPS,
) -> Hostile:
    """Return a row whose model is this object in skops, with `MLmodel` trusting all its types."""

    def build(site: Site) -> None:
        data = skops.io.dumps(make(site))
        (site.folder / "model.skops").write_bytes(data)
        trust(site, skops.io.get_untrusted_types(data=data))

    return Hostile(name, kind, build, Format.SKOPS, effect)


def trust(site: Site, types: list[str]) -> None:
    """Have `MLmodel` bring along the list of types that skops shall trust."""
    edit(site, lambda document: document["flavors"]["sklearn"].update(skops_trusted_types=types))


def edit(site: Site, change: Callable[[dict[str, Any]], object]) -> None:
    """Change `MLmodel` as a document."""
    path = site.folder / "MLmodel"
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


def answering(step: Any) -> Any:
    """Return a model that asks the step before it predicts."""
    last = LogisticRegression().fit([[0.0] * 4, [1.0] * 4], [0, 1])
    return make_pipeline(step, last)


# Opcodes put together by hand, for what no pickler writes.

PROTO_4 = pickle.PROTO + b"\x04"


def text(value: str) -> bytes:
    data = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def name(module: str, attribute: str) -> bytes:
    return pickle.GLOBAL + f"{module}\n{attribute}\n".encode()


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    """Return the opcodes of one call; each argument is opcodes that leave one value."""
    return name(module, attribute) + reduced(*arguments)


def reduced(*arguments: bytes) -> bytes:
    """Return the opcodes that call what lies on the stack."""
    return pickle.MARK + b"".join(arguments) + pickle.TUPLE + pickle.REDUCE


def makes_marker(site: Site) -> bytes:
    return call("posix", "mkdir", text(str(site.marker)))
