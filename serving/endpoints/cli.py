"""`acgs endpoint`, `acgs rollout`, `acgs rollback` and `acgs seldon`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from infra.console import operations, views
from infra.console.options import as_json, dry_run, reason
from infra.console.output import emit
from infra.errors import RefusedError
from registry.domain.values import spelled
from serving.control.orders import find_rollout
from serving.domain.plan import RolloutPlan
from serving.domain.state import FINAL, Order, Phase
from serving.endpoints.plan_file import plan_options
from serving.endpoints.views import (
    manifest,
    rollout_line,
    rollout_lines,
    rollout_view,
)

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.bootstrap import Registry

_WATCH_SECONDS = 0.5


class RolledBackError(RefusedError):
    """A watched rollout was rolled back."""

    code = "serving.rolled_back"


def _open() -> tuple[Settings, Registry]:
    from infra.configuration import load_settings

    # Late: SQLAlchemy would cost every `acgs --help` half a second.
    from registry.bootstrap import open_registry

    settings = load_settings()
    return settings, open_registry(settings)


@click.group(short_help="Serve models, and plan their rollouts")
def endpoint() -> None:
    """Serve models, and plan how new versions get there."""


@endpoint.command("create", short_help="Serve a model, or change its next rollout")
@click.argument("name")
@click.option("--namespace", default="acgs", show_default=True, help="Part of the URL.")
@plan_options
@as_json
@dry_run
def endpoint_create(
    name: str, namespace: str, plan: RolloutPlan, as_json: bool, dry_run: bool
) -> None:
    """Serve the registered model NAME; its next Production version is rolled out here.

    Run again with another plan, it changes the plan of the next rollout.
    """
    made = operations.carry_out(
        "serving",
        "create_endpoint",
        name=name,
        namespace=namespace,
        plan=plan.document(),
        dry_run=dry_run or None,
    )
    if dry_run:
        would = (
            f"would create endpoint {name}"
            if made["new"]
            else f"endpoint {name} exists: would change its namespace and its next rollout's plan"
        )
        emit(made["plan"], as_json, [would, json.dumps(made["plan"])])
        return
    view = made["endpoint"]
    emit(view, as_json, [f"endpoint {name}: {view['url']}"])
    if not made["has_versions"]:
        click.echo(
            f"no model {name} is registered with a version yet: the endpoint waits for its first "
            "version in Production",
            err=True,
        )


@endpoint.command("list", short_help="List endpoints and what they serve")
@as_json
def endpoint_list(as_json: bool) -> None:
    """List endpoints and what they serve."""
    found = views.read("serving", "endpoints")
    lines = [f"{v['name']!s:<24} {_semver(v['stable']):<12} {v['url']}" for v in found]
    emit(found, as_json, lines or ["no endpoints yet; acgs endpoint create NAME makes one"])


@endpoint.command("show", short_help="Show one endpoint")
@click.argument("name")
@as_json
def endpoint_show(name: str, as_json: bool) -> None:
    """Show one endpoint."""
    view = views.read("serving", "endpoint", name=name)
    lines = [
        f"{name}: serves {_semver(view['stable'])} since {view['stable_since']}"
        if view["stable"]
        else f"{name}: serves nothing yet; the first version in Production is deployed at once",
        f"  Seldon: {view['url']}",
        f"  V2:     {view['v2_url']}",
        f"  plan:   {json.dumps(view['plan'])}",
    ]
    if view["stable_unusable"]:
        goes_on = "its model servers go on from their own copy"
        lines.insert(1, f"  quarantined: {view['stable_unusable']}; {goes_on}")
    under_way = view["rollout"]
    if isinstance(under_way, dict):
        lines += rollout_lines(under_way)
    emit(view, as_json, lines)


def _semver(version: object) -> str:
    return str(version["semver"]) if isinstance(version, dict) else "nothing"


@click.group(short_help="Follow and steer versions into traffic")
def rollout() -> None:
    """Follow and steer versions on their way to traffic."""


@rollout.command("list", short_help="List rollouts, oldest first")
@click.argument("name", required=False)
@as_json
def rollout_list(name: str | None, as_json: bool) -> None:
    """List rollouts, oldest first."""
    found = views.read("serving", "rollouts", name=name)
    emit(found, as_json, [rollout_line(v) for v in found] or ["no rollouts yet"])


@rollout.command("show", short_help="Show one rollout")
@click.argument("which")
@as_json
def rollout_show(which: str, as_json: bool) -> None:
    """Show rollout WHICH: its number, or an endpoint's name for the newest one."""
    view = views.read("serving", "rollout", which=which)
    emit(view, as_json, rollout_lines(view))


@rollout.command("watch", short_help="Follow a rollout to its end")
@click.argument("which")
@click.option(
    "--timeout-seconds", type=float, default=3600.0, show_default=True, help="Give up after this."
)
def rollout_watch(which: str, timeout_seconds: float) -> None:
    """Follow rollout WHICH to its end; exit 1 if it is rolled back, 3 if time runs out."""
    _, registry = _open()
    number, last = find_rollout(registry, which).id, ""
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = registry.rollouts.rollout(number)
        view = rollout_view(registry, found)
        line = "\n".join(rollout_lines(view))
        if line != last:
            click.echo(line)
            last = line
        if Phase(found.phase) in FINAL:
            break
        if time.monotonic() > deadline:
            click.echo(f"rollout {number} is still {found.phase}", err=True)
            click.get_current_context().exit(3)
        time.sleep(_WATCH_SECONDS)
    if Phase(found.phase) is Phase.ROLLED_BACK:
        raise RolledBackError(
            f"rollout {number} was rolled back", hint=f"acgs rollout show {number}"
        )


def _order(which: str, order: Order, reason: str, dry_run: bool) -> None:
    found = operations.carry_out(
        "serving",
        "order",
        which=which,
        order=order.value,
        reason=reason,
        dry_run=dry_run or None,
    )
    number = found["rollout"]
    if dry_run:
        click.echo(f"would {order} rollout {number}", err=True)
        return
    click.echo(f"ordered rollout {number} to {order}; acgs rollout watch {number}", err=True)


@rollout.command("promote", short_help="Promote without waiting for more evidence")
@click.argument("which")
@reason(required=False)
@dry_run
def rollout_promote(which: str, reason: str, dry_run: bool) -> None:
    """Promote WHICH now, without waiting for more evidence."""
    _order(which, Order.PROMOTE, reason, dry_run)


@rollout.command("pause", short_help="Keep the candidate at its weight")
@click.argument("which")
@reason(required=False)
@dry_run
def rollout_pause(which: str, reason: str, dry_run: bool) -> None:
    """Keep WHICH at its weight; it is still rolled back if it turns out worse."""
    _order(which, Order.PAUSE, reason, dry_run)


@rollout.command("resume", short_help="Let a paused rollout go on")
@click.argument("which")
@reason(required=False)
@dry_run
def rollout_resume(which: str, reason: str, dry_run: bool) -> None:
    """Let a paused WHICH go on; its step's clock starts again."""
    _order(which, Order.RESUME, reason, dry_run)


@rollout.command("abort", short_help="Roll back now")
@click.argument("which")
@reason(required=False)
@dry_run
def rollout_abort(which: str, reason: str, dry_run: bool) -> None:
    """Roll WHICH back."""
    _order(which, Order.ABORT, reason, dry_run)


@click.command(short_help="Return an endpoint to the version before")
@click.argument("name")
@reason(required=True)
@dry_run
def rollback(name: str, reason: str, dry_run: bool) -> None:
    """Take endpoint NAME back: abort its rollout, else return to the version before."""
    found = operations.carry_out(
        "serving", "rollback", name=name, reason=reason, dry_run=dry_run or None
    )
    if dry_run:
        click.echo(_would_go_back(name, found), err=True)
        return
    how = "already " if found["was_going_back"] else f"to {found['to']} " if found["to"] else ""
    for passed in found["passed_over"]:
        click.echo(f"passed over {passed['semver']}: {passed['why']}", err=True)
    number = found["rollout"]
    click.echo(
        f"rollback {how}under way as rollout {number}; acgs rollout watch {number}", err=True
    )


def _would_go_back(name: str, found: Mapping[str, Any]) -> str:
    if found["aborted"] is not None:
        would = "rollback under way already as" if found["was_going_back"] else "would abort"
        return f"{would} rollout {found['aborted']}"
    return f"would roll {name} back to {found['to']}"


@click.group(short_help="Render endpoints for a cluster with Seldon")
def seldon() -> None:
    """Render endpoints for a cluster that runs Seldon."""


@seldon.command("render", short_help="Print an endpoint's SeldonDeployment")
@click.argument("name")
@as_json
def seldon_render(name: str, as_json: bool) -> None:
    """Print endpoint NAME's desired SeldonDeployment as YAML."""
    import yaml

    _, registry = _open()
    document = manifest(registry, registry.endpoints.endpoint(name))
    if document is None:
        raise RefusedError(
            f"endpoint {name} serves nothing yet, so there is no SeldonDeployment",
            hint=f"acgs promote {spelled(name, 'VERSION')}",
        )
    click.echo(json.dumps(document, indent=2) if as_json else yaml.safe_dump(document).rstrip())
