"""Collects health: heartbeats of roles that listen nowhere, and every probe at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from infra.clock import Clock, utc_now
from infra.component import Component, Health, Probe, components
from infra.processes.process import Identity, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from infra.settings import Settings


BEAT_MAX_AGE_SECONDS = 10.0


def beat(settings: Settings, role_name: str, *, not_yet: str = "", clock: Clock = utc_now) -> None:
    """Record a role's heartbeat and what the role still waits for; call this each tick."""
    mine = Identity.mine()
    write_json(
        _file(settings, role_name),
        {"pid": mine.pid, "boot": mine.birth, "at": clock().timestamp(), "not_yet": not_yet},
    )


def forget_beat(settings: Settings, role_name: str) -> None:
    """Remove the heartbeat of a role that has ended while its process lives on."""
    _file(settings, role_name).unlink(missing_ok=True)


def beating(
    settings: Settings,
    role_name: str,
    *,
    max_age_seconds: float = BEAT_MAX_AGE_SECONDS,
    clock: Clock = utc_now,
) -> Probe:
    """Judge a role by its last heartbeat.

    Returns:
        STARTING when it never beat, the process that did is gone (its successor may be on the
        way), or it waits for something; FAILED when its process lives but its loop stands still;
        else OK.
    """
    name = f"{role_name}.heartbeat"
    try:
        data = json.loads(_file(settings, role_name).read_text())
    except FileNotFoundError:
        return Probe(name, Health.STARTING, "no heartbeat yet")
    if not Identity(data["pid"], data["boot"]).alive():
        return Probe(name, Health.STARTING, f"process {data['pid']} has ended")
    age_seconds = clock().timestamp() - data["at"]
    if timedelta(seconds=age_seconds) > timedelta(seconds=max_age_seconds):
        return Probe(
            name,
            Health.FAILED,
            f"last heartbeat {age_seconds:.1f} s ago, expected at most {max_age_seconds:g} s",
            silent=True,
        )
    if data["not_yet"]:
        return Probe(name, Health.STARTING, data["not_yet"])
    return Probe(name, Health.OK, f"beat {max(age_seconds, 0):.1f} s ago")


def _file(settings: Settings, role_name: str) -> Path:
    return settings.storage_root / "run" / f"{role_name}.beat"


@dataclass(frozen=True, slots=True)
class Finding:
    """One probe and the component that offers it."""

    component: str
    probe: Probe


def rows(settings: Settings) -> list[dict[str, str]]:
    """Do as `collect`, and return JSON values, for HTTP and for the command line."""
    return [
        {
            "component": finding.component,
            "probe": finding.probe.name,
            "health": finding.probe.health.value,
            "detail": finding.probe.detail,
        }
        for finding in collect(settings)
    ]


def collect(
    settings: Settings, of: Iterable[Component] | None = None, *, timeout_seconds: float = 10.0
) -> list[Finding]:
    """Ask every probe of every component, and every role whether it is ready.

    A probe that raises or does not answer within `timeout_seconds` counts as failed.
    """
    asked: list[tuple[str, str, Callable[[], list[Probe]]]] = []
    for component in components() if of is None else of:
        for role in component.roles():
            if role.apart:
                continue
            asked.append((component.name, role.name, lambda r=role: [r.ready(settings)]))  # type: ignore[misc]
        asked.append(
            (component.name, component.name, lambda c=component: list(c.probes(settings)))  # type: ignore[misc]
        )
    pool = ThreadPoolExecutor(max_workers=max(len(asked), 1), thread_name_prefix="probe")
    try:
        futures = [(owner, name, pool.submit(ask)) for owner, name, ask in asked]
        findings = []
        for owner, name, future in futures:
            try:
                probes = future.result(timeout=timeout_seconds)
            except TimeoutError:
                probes = [Probe(name, Health.FAILED, f"no answer in {timeout_seconds:g} s")]
            except Exception as err:
                probes = [Probe(name, Health.FAILED, f"{type(err).__name__}: {err}")]
            findings += [Finding(owner, probe) for probe in probes]
        return findings
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
