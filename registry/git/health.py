"""Reports the health and metrics of the git tags, from the database alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from infra.clock import Clock, utc_now
from infra.component import Health, Probe
from infra.stores.db import open_engine
from registry.git.adapters.findings import GRAVE, FindingKind
from registry.git.service import Overview, overview
from registry.git.settings import GitSettings

if TYPE_CHECKING:
    from prometheus_client import Metric
    from sqlalchemy import Engine

    from infra.settings import Settings

NAME = "git.tags"
LATE_SECONDS = 300.0
"""Age from which a waiting tag needs a person's attention."""


def probes(settings: Settings) -> Iterable[Probe]:
    """Report whether the tags are up to date."""
    if settings.of(GitSettings).repository is None:
        return [Probe(NAME, Health.OK, "not configured: ACGS_GIT_REPOSITORY is not set")]
    engine = open_engine(settings.sqlalchemy_url)
    try:
        return [judged(overview(engine, settings, utc_now()))]
    finally:
        engine.dispose()


def judged(now: Overview) -> Probe:
    """Judge an overview: report the first fault, else the number of tags."""
    for error in (now.local_error, now.push_error):
        if error is not None:
            waiting = now.waiting_local + now.waiting_push
            return Probe(NAME, Health.FAILED, f"{waiting} tags wait: {error}".replace("\n", " "))
    grave = [one for one in now.findings if one.kind in GRAVE]
    if grave:
        first = grave[0]
        more = f" and {len(grave) - 1} more" if len(grave) > 1 else ""
        detail = f"{first.kind} ({first.place}): {first.subject}{more}; acgs git status"
        return Probe(NAME, Health.FAILED, detail)
    oldest = now.oldest_pending_seconds
    if oldest is not None and oldest > LATE_SECONDS:
        return Probe(NAME, Health.FAILED, f"a tag waits for {oldest:.0f} s; does the role git run?")
    detail = f"{now.made} tags, {now.waiting_local + now.waiting_push} wait"
    if now.untagged:
        detail += f", {now.untagged} versions without a tag"
    return Probe(NAME, Health.OK, detail)


class GitCollector(Collector):
    """Reports queue, age and findings; a series without data is left out."""

    def __init__(self, engine: Engine, settings: Settings, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.settings = settings
        self.clock = clock

    def describe(self) -> Iterable[Metric]:
        """Name no series in advance, so that registering reads nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Read every series; none when no repository is set."""
        if self.settings.of(GitSettings).repository is None:
            return
        now = overview(self.engine, self.settings, self.clock())
        yield GaugeMetricFamily("acgs_git_tags", "Tags in the repository.", value=now.made)
        if now.untagged is not None:
            yield GaugeMetricFamily(
                "acgs_git_untagged_versions",
                "Governed versions that the repository has no tag of.",
                value=now.untagged,
            )
        queue = GaugeMetricFamily(
            "acgs_git_queue", "What waits, by what it waits for.", labels=["stage"]
        )
        queue.add_metric(["event"], now.unread)
        queue.add_metric(["write"], now.waiting_local)
        queue.add_metric(["push"], now.waiting_push)
        yield queue
        yield GaugeMetricFamily(
            "acgs_git_oldest_pending_seconds",
            "Age of the oldest tag that waits; 0 when none does.",
            value=now.oldest_pending_seconds or 0.0,
        )
        family = GaugeMetricFamily(
            "acgs_git_findings", "Findings that stand, by kind.", labels=["kind"]
        )
        for kind in FindingKind:
            family.add_metric([kind.value], sum(one.kind is kind for one in now.findings))
        yield family


def collectors(settings: Settings) -> Sequence[Collector]:
    """Return the collectors of the git tags."""
    return [GitCollector(open_engine(settings.sqlalchemy_url), settings)]
