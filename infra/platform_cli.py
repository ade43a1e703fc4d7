"""Commands about the platform as a whole: up, down, status, run, prepare, health."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click


@click.command("run")
@click.argument("role")
@click.option("--parent", type=int, hidden=True, help="Process to end with.")
def run_command(role: str, parent: int | None) -> None:
    """Run one ROLE in the foreground."""
    from infra import roles
    from infra.settings import load_settings

    roles.run(roles.find(role), load_settings(), parent=parent)


@click.command("prepare")
def prepare_command() -> None:
    """Bring the database, folders and keys of the storage root up to date."""
    from infra import roles
    from infra.settings import load_settings

    roles.prepare(load_settings())


@click.command("health")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
def health_command(ctx: click.Context, as_json: bool) -> None:
    """Ask every probe of every component; exit 3 if one is not ok."""
    from infra import health
    from infra.component import Health
    from infra.settings import load_settings

    findings = health.collect(load_settings())
    ok = all(finding.probe.health is Health.OK for finding in findings)
    if as_json:
        rows = [
            {
                "component": finding.component,
                "probe": finding.probe.name,
                "health": finding.probe.health.value,
                "detail": finding.probe.detail,
            }
            for finding in findings
        ]
        click.echo(json.dumps({"ok": ok, "probes": rows}, indent=2))
    else:
        for finding in findings:
            probe = finding.probe
            click.echo(
                f"{probe.health.value:<9} {finding.component:<11} {probe.name:<26} {probe.detail}"
            )
    ctx.exit(0 if ok else 3)


def commands() -> Sequence[click.Command]:
    """Every command of this module, for the root CLI."""
    return (run_command, prepare_command, health_command)
