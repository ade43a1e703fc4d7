"""Finds one version by any of its names."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from infra.stores.db import is_storable, reading
from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables, version_rows
from registry.domain.reasons import Reason
from registry.domain.records import VersionRecord
from registry.domain.values import CHAMPION, Stage
from registry.errors import GateClosedError, UnknownVersionError
from registry.stages.adapters import places
from registry.versions.adapters import lists, numbering, pages
from registry.versions.adapters.lists import ModelSummary
from registry.versions.adapters.pages import Listed
from registry.versions.domain import semver
from registry.versions.domain.sources import named_version

_SHOWN = 40
_LONGEST_SPEC = 256
MAX_NUMBER = 2**31 - 1
"""Largest version number that MLflow's column holds."""
LISTED = 10
"""Semantic versions that an error message names."""


@dataclass(frozen=True, slots=True)
class Versions:
    """Finds versions by the names that people use."""

    engine: Engine

    def version(self, uid: str) -> VersionRecord:
        """Return a version by its identity, with the lineage known now.

        Raises:
            UnknownVersionError: no version has this identity.
        """
        with reading(self.engine) as connection:
            return version_rows.require(connection, uid)

    def find_version(self, name: str, spec: str) -> VersionRecord:
        """Find a version by a name that people use.

        Args:
            name: registered model.
            spec: `1.2.0`, MLflow's number (`3`), a stage, an alias (`champion`; `@staging` for
                one that is spelled like any of these), or a range (`latest`, `1.x`, `1.2.x`),
                which never means a pre-release or a yanked version.

        Raises:
            UnknownVersionError: nothing matches; the message lists what there is.
        """
        with reading(self.engine) as connection:
            record = _find(connection, name, spec)
            known = _listing(connection, name) if record is None else ""
            if record is None and not known:
                raise _unknown_model(connection, name)
        if record is None:
            raise UnknownVersionError(
                f"expected a registered version, found that {name} has no version "
                f"{spec[:_SHOWN] or '(empty)'}: {known}",
                hint=f"acgs version list {shlex.quote(name)}",
            )
        return record

    def versions(
        self, name: str, *, below: int | None = None, limit: int | None = None
    ) -> Sequence[VersionRecord]:
        """Return live versions of a model, newest first; empty for an unknown model.

        Args:
            name: registered model.
            below: only versions with a smaller number: where the page before ended.
            limit: most versions to return; None means all.
        """
        with reading(self.engine) as connection:
            return lists.versions(connection, name, below, limit)

    def models(self, after: str = "", limit: int = lists.PAGE) -> Sequence[ModelSummary]:
        """Return models with a live version, by name, starting after a name."""
        with reading(self.engine) as connection:
            return lists.models(connection, after, limit)

    def model_names(self) -> Sequence[str]:
        """Return the names of all registered models with at least one live version."""
        v = tables.version.c
        with reading(self.engine) as connection:
            return list(
                connection.execute(
                    select(v.name).where(v.deleted_ms.is_(None)).distinct().order_by(v.name)
                ).scalars()
            )

    def version_page(self, name: str, limit: int, before: int | None = None) -> Sequence[Listed]:
        """Return versions with their positions, newest first.

        Args:
            name: registered model.
            limit: at most this many.
            before: only MLflow numbers below this one.

        Raises:
            UnknownVersionError: no model of this name has a version.
        """
        with reading(self.engine) as connection:
            found = pages.version_page(connection, name, limit, before)
            if not found and not _listing(connection, name):
                raise _unknown_model(connection, name)
        return found

    def released_as(self, candidate: VersionRecord) -> VersionRecord | None:
        """Return the release of a pre-release: the same files, registered later.

        Raises:
            GateClosedError: it was not released, and a release above it is there already.
        """
        with reading(self.engine) as connection:
            released = numbering.release_with_files(connection, candidate)
            above = numbering.highest_release(connection, candidate.name)
        if released is not None or above is None:
            return released
        if semver.precedence(above.semver) > semver.precedence(candidate.semver):
            raise GateClosedError(
                f"{candidate.ref} cannot be released:",
                [
                    Reason(
                        "release.superseded",
                        f"a candidate above {above.semver}, the highest release",
                        f"{candidate.semver}",
                        "register its files as a new version, if they are to come after all",
                    )
                ],
            )
        return None

    def live_record(self, name: str, number: int) -> VersionRecord | None:
        """Return the record of a live version; None if the platform has none."""
        with reading(self.engine) as connection:
            return version_rows.live_version(connection, name, number)

    def known_versions(self, name: str) -> str:
        """Return the semantic versions of a model, for an error message."""
        with reading(self.engine) as connection:
            return (
                _listing(connection, name)
                or f"expected a registered model {name} with versions, found none"
            )

    def origin(self, source: object) -> tuple[str, int] | None:
        """Return the registered version that a source names; None if it names none.

        Files that are given by run, by logged model or by path are an ordinary registration: it
        stands in no stage, and nothing that was judged elsewhere counts for it.
        """
        named = named_version(source) if isinstance(source, str) else None
        if named is None:
            return None
        with reading(self.engine) as connection:
            known = version_rows.source_of(connection, *named)
        return None if known is None or known in mlflow.PROMPT_SOURCES else named

    def is_registered(self, name: str) -> bool:
        """Return whether MLflow has a model of exactly this name, with versions or without."""
        m = mlflow.registered_models.c
        query = select(m.name).where(m.workspace == mlflow.WORKSPACE, m.name == name)
        with reading(self.engine) as connection:
            return connection.execute(query).first() is not None

    def is_prompt(self, name: str, number: int) -> bool:
        """Return whether a version is one of MLflow's prompts: no files, never served."""
        with reading(self.engine) as connection:
            return version_rows.source_of(connection, name, number) in mlflow.PROMPT_SOURCES

    def unusable_numbers(self, name: str, numbers: Sequence[int]) -> set[int]:
        """Return those of the numbers that are pre-releases or yanked."""
        with reading(self.engine) as connection:
            return numbering.unusable_among(connection, name, numbers)

    def newest_usable(self, name: str, stage: str) -> int | None:
        """Return the highest number in a stage that is not a pre-release and not yanked."""
        with reading(self.engine) as connection:
            return numbering.newest_usable_in_stage(connection, name, stage)


def _find(connection: Connection, name: str, spec: str) -> VersionRecord | None:
    if len(spec) > _LONGEST_SPEC or not is_storable(spec):
        return None
    if semver.is_semver(spec):
        return version_rows.live_semver(connection, name, spec)
    span = semver.parse_range(spec)
    if span is not None:
        return numbering.highest_in(connection, name, span.major, span.minor)
    number = _number_of(connection, name, spec)
    if number is None or number > MAX_NUMBER:
        return None
    return version_rows.live_version(connection, name, number)


def _number_of(connection: Connection, name: str, spec: str) -> int | None:
    if spec.isascii() and spec.isdigit():
        return int(spec)
    if spec.startswith("@"):
        return places.alias_holder(connection, name, spec[1:])
    stage = Stage.parse(spec)
    if stage is None:
        return places.alias_holder(connection, name, spec)
    crowned = places.alias_holder(connection, name, CHAMPION) if stage is Stage.PRODUCTION else None
    return crowned or next(iter(places.numbers_in_stage(connection, name, stage)), None)


def _unknown_model(connection: Connection, name: str) -> UnknownVersionError:
    if pages.has_versions_in_mlflow(connection, name):
        return UnknownVersionError(
            f"expected versions of {name} with numbers, found only what plain MLflow registered",
            hint="acgs adoption status says how far numbering them is",
        )
    return UnknownVersionError(
        f"expected a registered model {name} with versions, found none", hint="acgs model list"
    )


def _listing(connection: Connection, name: str) -> str:
    known, count = version_rows.semvers(connection, name, LISTED)
    more = f" and {count - len(known)} more" if count > len(known) else ""
    return f"it has {', '.join(known)}{more}" if known else ""
