"""Adds dossiers to the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Operation, Section

if TYPE_CHECKING:
    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "dossier",
        "Write what an examiner needs of a version",
        "registry.dossier.cli:dossier",
        Section.LOOK,
    ),
    CommandEntry(
        "verify",
        "Verify a dossier by a public key alone",
        "registry.dossier.cli:verify",
        Section.LOOK,
    ),
)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from registry.dossier.operations import operations

    return operations(settings)


component = Component(name="dossier", commands=_COMMANDS, operations=_operations, order=25)
