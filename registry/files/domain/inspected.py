"""Holds what was read from a version's files before registration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.domain.signature import Signature
from registry.files.domain.inference import JsonKind
from registry.files.domain.manifest import Manifest
from registry.files.errors import SourceRefusedError


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was read from a version's files before registration.

    Attributes:
        manifest: every file; None when the files cannot be read.
        signature: None when the model has none, or it cannot be read.
        storage_uri: folder that the source stands for; None when it cannot be resolved.
        problem: why something could not be read, or "".
        example: columns of the input example of a model without a signature, if it has one.
        example_problem: why there are none, or "".
        refused: why a version with such files is not registered at all; None for all others.
    """

    manifest: Manifest | None
    signature: Signature | None
    storage_uri: str | None = None
    problem: str = ""
    example: Mapping[str, JsonKind] | None = None
    example_problem: str = ""
    refused: SourceRefusedError | None = None
