"""Runs benchmarks and prints the results: `python -m benchmarks [NAME ...]`."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from benchmarks import machine
from benchmarks.benchmark import Benchmark, Effort
from benchmarks.report import Row, missed, table
from infra.errors import PlatformError, UsageError
from pipelines import options

MODULES = (
    "gate",
    "weight",
    "rollout",
    "story",
    "set_up",
    "start",
    "serving",
    "operations",
    "identity",
    "adoption",
    "artifacts",
    "git_tags",
    "audit",
    "dossier",
    "webhooks",
    "confinement",
)
"""Benchmarks in the order in which they run."""
MISSED, NO_DATA = 1, 3


def benchmarks() -> dict[str, Benchmark]:
    """Return every benchmark by its name."""
    found = [cast(Benchmark, import_module(f"benchmarks.{m}").BENCHMARK) for m in MODULES]
    return {benchmark.name: benchmark for benchmark in found}


@click.command("benchmarks")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "only_list", is_flag=True, help="List the benchmarks; run none.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here."
)
@click.option("--quick", is_flag=True, help="A sixth of the samples: to see that it works.")
@click.option("--check", is_flag=True, help="Exit with 1 if a target is not met.")
def main(
    names: tuple[str, ...], only_list: bool, json_file: Path | None, quick: bool, check: bool
) -> int:
    """Run the named benchmarks, or all; exit with 3 if one gave no data."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Registering hundreds of versions would fill the screen.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["MLFLOW_LOGGING_LEVEL"] = "WARNING"
    known = benchmarks()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"expected names among {', '.join(known)}, found {', '.join(unknown)}")
    if only_list:
        for benchmark in known.values():
            click.echo(f"{benchmark.name:10}{benchmark.summary}")
        return 0
    document = measure([known[name] for name in dict.fromkeys(names or known)], Effort(quick))
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=2) + "\n")
    results: Sequence[Mapping[str, Any]] = document["benchmarks"]
    lost = [result["name"] for result in results if result["error"]]
    not_met = [what for result in results for what in missed(result["rows"])]
    judged = sum(row["met"] is not None for result in results for row in result["rows"])
    _sum_up(lost, not_met, judged)
    if lost:
        return NO_DATA
    return MISSED if check and not_met else 0


def measure(chosen: Sequence[Benchmark], effort: Effort) -> dict[str, Any]:
    """Run benchmarks one after the other, print each table; return all results for JSON."""
    facts, start = machine.facts(), machine.read()
    click.echo(f"commit {facts['commit']}, Python {facts['python']}, {facts['system']}")
    click.echo(f"{facts['processor']}, {start.cores} cores; at the start {start}")
    if start.busy:
        click.echo("The machine is busy with something else: times are too long.")
    if effort.quick:
        click.echo("A quick run, to see that it works: not for quoting.")
    results = [_run(benchmark, effort) for benchmark in chosen]
    end = machine.read()
    click.echo(f"\n{end.cores} cores; at the end {end}")
    return {
        **facts,
        "quick": effort.quick,
        "start": start.document(),
        "end": end.document(),
        "benchmarks": results,
    }


def _run(benchmark: Benchmark, effort: Effort) -> dict[str, Any]:
    click.echo(f"\n{benchmark.name}: {benchmark.summary}")
    before, began = machine.read(), time.monotonic()
    rows: Sequence[Row] = ()
    error = ""
    with tempfile.TemporaryDirectory(
        prefix=f"benchmark-{benchmark.name}-", ignore_cleanup_errors=True
    ) as folder:
        try:
            rows = benchmark.run(Path(folder), effort)
        except PlatformError as err:
            error = str(err)
        except Exception:
            error = traceback.format_exc()
    seconds, after = time.monotonic() - began, machine.read()
    click.echo(table(rows) if rows else f"NO DATA: {error}")
    click.echo(f"took {seconds:.0f} s; before: {before}; after: {after}")
    return {
        "name": benchmark.name,
        "summary": benchmark.summary,
        "seconds": seconds,
        "before": before.document(),
        "after": after.document(),
        "rows": [row.document() for row in rows],
        "error": error,
    }


def _sum_up(lost: Sequence[str], not_met: Sequence[str], judged: int) -> None:
    for name in lost:
        click.echo(f"no data: {name}")
    for what in not_met:
        click.echo(f"target not met: {what}")
    click.echo(f"{judged - len(not_met)} of {judged} targets met")
    sys.stdout.flush()


if __name__ == "__main__":
    options.run_as_program(main)
