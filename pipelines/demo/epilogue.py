"""Prints the end of the demo: what happened, in tables, and where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.demo.story import Played, label
from registry.settings import tracking_url

if TYPE_CHECKING:
    from pipelines.demo.cast import Cast
    from pipelines.tally import Tally
    from registry.domain.records import VersionRecord


def tell(cast: Cast, played: Played, traffic: Tally) -> None:
    """Print the tables and the URLs."""
    cast.show.table(
        "What happened",
        ("act", "from s", "took s", "result"),
        [
            (s.title, f"{s.began:.1f}", f"{s.ended - s.began:.1f}", s.result)
            for s in cast.show.scenes
        ],
    )
    _tell_traffic(cast, played, traffic)
    _tell_urls(cast, played)


def _tell_traffic(cast: Cast, played: Played, traffic: Tally) -> None:
    recipes = {
        label(record, traffic): recipe
        for recipe, record in (
            ("baseline", played.baseline),
            ("better", played.better),
            ("biased", played.biased),
            ("fragile", played.fragile),
        )
        if record is not None
    }
    rows = []
    for version in sorted({*recipes, *traffic.by_version}):
        count = traffic.of(version)
        quantiles = [count.latency.quantile_ms(share) for share in (0.5, 0.99)]
        rows.append(
            (
                version,
                recipes.get(version, ""),
                f"{count.requests:,}",
                f"{count.failures:,}",
                *(f"{ms:.1f}" if ms is not None else "-" for ms in quantiles),
            )
        )
    unsent = traffic.due - traffic.requests
    behind = f"; {unsent:,} more were due, but not sent before the end" if unsent else ""
    cast.show.table(
        f"Live traffic: {traffic.requests:,} requests, {traffic.failures:,} failed{behind}\n"
        "(latency counts from the moment a request was due)",
        ("answered by", "recipe", "requests", "failed", "p50 ms", "p99 ms"),
        rows,
    )


def _tell_urls(cast: Cast, played: Played) -> None:
    base = tracking_url(cast.settings)
    cast.show.line()
    cast.show.line(f"MLflow UI    {base}")
    cast.show.line(f"model        {base}/#/models/{cast.name}")
    for recipe, record in (
        ("baseline", played.baseline),
        ("better", played.better),
        ("biased", played.biased),
        ("fragile", played.fragile),
    ):
        if record is not None:
            cast.show.line(f"report       {_report(cast, record)}  ({recipe} {record.semver})")
    cast.show.line(f"predictions  {cast.predictions_url}")


def _report(cast: Cast, record: VersionRecord) -> str:
    cards = cast.registry.gate.scorecards(record.uid)
    run_id = max(cards, key=lambda card: card.id).report_run_id if cards else None
    if run_id is None:
        return "none was written"
    experiment = cast.client.get_run(run_id).info.experiment_id
    run = f"{tracking_url(cast.settings)}/#/experiments/{experiment}/runs/{run_id}"
    return f"{run}/artifacts/report.html"
