"""Defines `Component`, by which a package plugs into the platform.

A package offers one `Component` through the entry-point group `acgs.components`. The root CLI,
the HTTP app, the supervisor, `acgs status`, the metrics page and the migrations all ask every
component and know none by name. Everything in a component is a callable, so that listing the
components imports nothing heavy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import PlatformError

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
    from starlette.routing import BaseRoute

    from infra.settings import Group, Settings

GROUP = "acgs.components"


class BrokenComponentError(PlatformError):
    """An installed component cannot be loaded; the platform does not start without it."""

    code = "infra.component_broken"


class Health(StrEnum):
    """What a probe found."""

    OK = "ok"
    STARTING = "starting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Probe:
    """One measured fact about health.

    Attributes:
        name: of what was asked.
        health: what was found.
        detail: for people.
        silent: whether what was asked gives no sign of life, which only a new process changes;
            False where it answers, though it may lack something else.
    """

    name: str
    health: Health
    detail: str = ""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """A long-running part of the platform.

    `acgs up` gives it a process, which light roles share.

    Attributes:
        name: what `acgs run NAME` and `acgs status` call it.
        summary: one line for people.
        run: does the work until the event is set; blocks. Safe to kill at any line.
        ready: asked from another process; OK once the role does its job.
        url: where it can be reached, or None when it listens nowhere.
        after: roles that must be ready before this one starts.
        ports: (setting name, port) of each port it will bind, checked before start.
        light: whether it may share a process: it loads no server, beats as
            `infra.processes.loops` does, and changes nothing of the process it runs in.
        apart: whether only `acgs run NAME` starts it: it belongs elsewhere than the rest of
            the platform, which neither starts nor watches it.
    """

    name: str
    summary: str
    run: Callable[[Settings, threading.Event], None]
    ready: Callable[[Settings], Probe]
    url: Callable[[Settings], str | None] = lambda _settings: None
    after: tuple[str, ...] = ()
    ports: Callable[[Settings], Sequence[tuple[str, int]]] = lambda _settings: ()
    light: bool = False
    apart: bool = False


class Section(StrEnum):
    """What people want from a command: its heading in `acgs --help`, in this order."""

    RUN = "Run it"
    DECIDE = "Promote and approve"
    LOOK = "Look"
    KEEP = "Keep"
    OPERATE = "Operate"
    OTHER = "Commands"


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command that help can list before anything of it is imported.

    Attributes:
        name: what a person types after `acgs`.
        summary: the command's short help: a verb and its object, in at most 45 characters.
        target: where the click command stands, as `package.module:attribute`.
        section: where help lists it.
    """

    name: str
    summary: str
    target: str
    section: Section = Section.OTHER


View = Callable[[Mapping[str, str]], Any]
"""Reads something and returns it as JSON values; its arguments are texts."""


Operation = Callable[[Mapping[str, Any]], Any]
"""Changes something for the current caller (`infra.identity.current`), if that one may.

Takes JSON values by name, checks them, and returns JSON values. With `dry_run: true` it returns
what it would do.
"""


@dataclass(frozen=True, slots=True)
class Component:
    """What one package adds to the platform.

    Attributes:
        name: the package's name.
        commands: of the root CLI, by where they stand.
        settings: groups of settings of its own, which `infra.configuration` reads.
        roles: long-running parts.
        routes: Starlette routes for the registry's HTTP app, below `/acgs`.
        views: what can be read from it, by name; a running server answers
            `/acgs/api/v1/views/<component>/<name>` with it, the command line without one too.
        operations: what can be changed through it, by name; a running server takes
            `POST /acgs/api/v1/operations/<component>/<name>`, the command line asks it there.
        probes: health facts beyond the roles' own readiness.
        collectors: Prometheus collectors for `/acgs/metrics`.
        migrations: folder of an Alembic history of its own, or None. Its version table is
            `acgs_<name>_revision`.
        prepare: idempotent set-up before the first role starts (folders, keys, subscriptions);
            runs after the migrations.
        order: position among the components, lowest first.
    """

    name: str
    commands: Sequence[CommandEntry] = ()
    settings: Callable[[], Sequence[type[Group]]] = tuple
    roles: Callable[[], Sequence[Role]] = tuple
    routes: Callable[[Settings], Sequence[BaseRoute]] = lambda _settings: ()
    views: Callable[[Settings], Mapping[str, View]] = lambda _settings: {}
    operations: Callable[[Settings], Mapping[str, Operation]] = lambda _settings: {}
    probes: Callable[[Settings], Iterable[Probe]] = lambda _settings: ()
    collectors: Callable[[Settings], Sequence[Collector]] = lambda _settings: ()
    migrations: Path | None = None
    prepare: Callable[[Settings], None] = lambda _settings: None
    order: int = field(default=100)


@cache
def components() -> tuple[Component, ...]:
    """Load every installed component, lowest layer first.

    Raises:
        BrokenComponentError: one cannot be imported, or is not a `Component`.
    """
    found = []
    for entry in entry_points(group=GROUP):
        try:
            component = entry.load()
        except Exception as err:
            raise BrokenComponentError(
                f"component {entry.name!r} ({entry.value}) cannot be loaded: {err}",
                hint="reinstall the platform (in a clone: make setup)",
            ) from err
        if not isinstance(component, Component):
            raise BrokenComponentError(
                f"component {entry.name!r} ({entry.value}): expected a Component, "
                f"found {type(component).__name__}",
                hint="see docs/reference/components.md",
            )
        found.append(component)
    return tuple(sorted(found, key=lambda c: (c.order, c.name)))


def roles() -> dict[str, Role]:
    """Return every role of every component, by name, in start order."""
    return {role.name: role for component in components() for role in component.roles()}


def roles_of_the_platform() -> dict[str, Role]:
    """Return the roles that `acgs up` starts, by name, in start order."""
    return {name: role for name, role in roles().items() if not role.apart}
