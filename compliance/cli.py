"""`acgs constitution`, `acgs evidence` and `acgs compliance`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compliance.errors import EvidenceError
from compliance.settings import ComplianceSettings
from infra.clock import to_millis, utc_now
from infra.configuration import load_settings
from infra.console import operations, views
from infra.console.actor import cli_actor
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import NotFoundError, RefusedError, UsageError
from infra.settings import Settings
from registry.domain.records import Act
from registry.domain.values import Stage, spelled
from registry.settings import RegistrySettings
from registry.versions.arguments import version as version_argument
from registry.versions.arguments import version_of_scripts
from registry.versions.naming import NamedVersion

if TYPE_CHECKING:
    from compliance.constitution.document import Bar

_path = click.argument(
    "path", required=False, type=click.Path(dir_okay=False, path_type=Path, exists=True)
)


class VerdictRefusedError(RefusedError):
    """The version does not meet the constitution."""

    code = "compliance.refused"


@click.group(short_help="Read, check and lock the written rules")
def constitution() -> None:
    """Read, check and lock the rules that versions are judged by."""


def _document_path(path: Path | None, settings: Settings) -> Path:
    from registry.governance.adapters.governance_file import constitution_path

    return path or constitution_path(settings)


@constitution.command("show", short_help="Show the constitution in force")
@_path
@as_json
def constitution_show(path: Path | None, as_json: bool) -> None:
    """Show the constitution in force, or the one at PATH."""
    from compliance.constitution import constitution_file

    settings = load_settings()
    where = _document_path(path, settings)
    policy = constitution_file.check(where, settings.of(ComplianceSettings).target)
    document = policy.constitution.model_dump(mode="json", by_alias=True)
    if as_json:
        emit({"path": str(where), "digest": policy.digest, **document}, True, ())
        return
    metadata = policy.constitution.metadata
    click.echo(f"{metadata.name} {metadata.version}  {metadata.constitutional_hash}")
    click.echo(f"{where}\n{policy.digest}\n")
    for applied in policy.constitution.applies_to:
        click.echo(f"{applied.pattern:<24} {applied.enforcement}")
    for stage in (Stage.STAGING, Stage.PRODUCTION):
        bar = policy.constitution.bar(stage)
        click.echo(f"{stage:<24} score >= {policy.min_score(stage)}, {_people(bar)}")
    for principle in policy.constitution.principles:
        click.echo(f"\n{principle.weight:>5.2f}  {principle.id}: {principle.title}")
        for rule in principle.rules:
            params = ", ".join(f"{k}={v}" for k, v in policy.judges[rule.id].params.items())
            gate = " GATE" if rule.mode == "gate" else ""
            click.echo(f"       {rule.id}{gate}  {params}".rstrip())


def _people(bar: Bar) -> str:
    if isinstance(bar.approvals, int):
        asked = f"{bar.approvals} approvals"
    else:
        asked = "approvals: " + ", ".join(f"{n} {role}" for role, n in bar.approvals.items())
    if bar.approval_expires_after_hours is not None:
        asked += f", each for {bar.approval_expires_after_hours:g} hours"
    if bar.request_expires_after_hours is not None:
        asked += f", within {bar.request_expires_after_hours:g} hours"
    return asked


@constitution.command("check", short_help="Check a constitution, and its lock")
@_path
@as_json
def constitution_check(path: Path | None, as_json: bool) -> None:
    """Check the constitution in force with its lock, or the document at PATH."""
    from compliance.constitution import constitution_file

    settings = load_settings()
    policy = (
        constitution_file.check_named(path, settings) if path else constitution_file.load(settings)
    )
    locked = "" if path else ", as locked"
    view = {"valid": True, "locked": path is None, "digest": policy.digest}
    emit(view, as_json, [f"valid{locked}: {policy.digest}"])


@constitution.command("lock", short_help="Bind an identifier to its present text")
@_path
@dry_run
def constitution_lock(path: Path | None, dry_run: bool) -> None:
    """Bind the identifier of the document at PATH to its present text."""
    from compliance.constitution import constitution_file

    settings = load_settings()
    where = _document_path(path, settings)
    policy = constitution_file.check_named(where, settings)
    if dry_run:
        click.echo(f"would lock {where} as {policy.digest}")
        return
    click.echo(f"wrote {constitution_file.write_lock(where)}")


@constitution.command("accept-shipped", short_help="Return to the shipped constitution")
@dry_run
def constitution_accept_shipped(dry_run: bool) -> None:
    """Put the shipped constitution in force again, in place of your own."""
    from registry.governance.adapters import governance_file

    settings = load_settings()
    if not governance_file.is_shipped(settings):
        raise UsageError(
            f"expected no constitution of this installation's own, found "
            f"{governance_file.constitution_path(settings)}",
            hint="remove it first, and constitution.own beside its folder, or unset "
            "ACGS_CONSTITUTION",
        )
    _adopt("adopt_constitution", dry_run)


@constitution.command("adopt", short_help="Put the present constitution in force")
@dry_run
def constitution_adopt(dry_run: bool) -> None:
    """Put the constitution in force that stands in its file, with its lock.

    Where the server knows who asks, a changed document counts for nothing before; on an open
    server it counts at once.
    """
    _adopt("adopt_constitution", dry_run)


def _adopt(operation: str, dry_run: bool) -> None:
    found = operations.carry_out("compliance", operation, dry_run=dry_run or None)
    click.echo(f"{'would put' if dry_run else 'put'} {found['digest']} in force")


@click.group(short_help="Say what each model is judged on")
def evidence() -> None:
    """Set what each model is judged on: task, holdout, label and sensitive attributes."""


@evidence.command("add", short_help="Bind models to a holdout")
@click.argument("pattern")
@click.option("--dataset", required=True, help="Parquet or CSV file; it is copied and pinned.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--task", required=True, type=click.Choice(["classification", "regression"]),
              help="What the models do.")  # fmt: skip
@click.option("--label", required=True, help="Column with the truth.")
@click.option("--sensitive", multiple=True, help="Column with a sensitive attribute; repeatable.")
@click.option("--positive-label", default="1", show_default=True, help="The favourable class.")
@click.option("--feature", "features", multiple=True,
              help="Column a model may see; repeatable. Default: its signature's.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Replace the pattern's present binding.")
@dry_run
def evidence_add(
    pattern: str,
    dataset: Path,
    task: str,
    label: str,
    sensitive: tuple[str, ...],
    positive_label: str,
    features: tuple[str, ...],
    replace: bool,
    dry_run: bool,
) -> None:
    """Bind the models that PATTERN names to a holdout."""
    from compliance.evidence import evidence_file

    draft: dict[str, object] = {
        "pattern": pattern,
        "task": task,
        "label": label,
        "sensitive": list(sensitive),
        "positive_label": positive_label,
        "features": list(features),
    }
    try:
        binding = evidence_file.add(
            load_settings(), dataset, draft, replace=replace, dry_run=dry_run
        )
    except EvidenceError as err:
        # Nothing was judged here, so nothing was refused: the command line is what is wrong.
        raise UsageError(err.message, hint=err.hint) from err
    verb = "would bind" if dry_run else "bound"
    click.echo(f"{verb} {pattern} to {binding.dataset}, sha256 {binding.sha256}")


@evidence.command("list", short_help="List the bindings, in the order of trial")
@as_json
def evidence_list(as_json: bool) -> None:
    """List the bindings, in the order they are tried."""
    from compliance.evidence import evidence_file

    bindings = evidence_file.load(load_settings()).bindings
    if as_json:
        emit([b.model_dump(mode="json") for b in bindings], True, ())
        return
    for binding in bindings:
        sensitive = ", ".join(binding.sensitive) or "-"
        click.echo(
            f"{binding.pattern:<24} {binding.task:<15} label {binding.label:<16} "
            f"sensitive {sensitive:<16} {binding.dataset}"
        )
    if not bindings:
        click.echo("no bindings yet: acgs evidence add --help", err=True)


@evidence.command("check", short_help="Check that every holdout is as it was")
@as_json
def evidence_check(as_json: bool) -> None:
    """Check that every pinned dataset is there, unchanged, with the columns it needs."""
    from compliance.evidence import evidence_file

    settings = load_settings()
    found = [
        {"pattern": b.pattern, "rows": evidence_file.holdout(settings, b).table.rows}
        for b in evidence_file.load(settings).bindings
    ]
    lines = [f"{one['pattern']:<24} {one['rows']} rows, as pinned" for one in found]
    emit(found, as_json, lines or ["no bindings"])
    click.echo(f"{len(found)} {'binding' if len(found) == 1 else 'bindings'}", err=True)


@evidence.command("adopt", short_help="Put the present catalogue in force")
@dry_run
def evidence_adopt(dry_run: bool) -> None:
    """Put the evidence in force that stands in the catalogue.

    Where the server knows who asks, a changed catalogue counts for nothing before; on an open
    server it counts at once.
    """
    _adopt("adopt_evidence", dry_run)


@click.group(short_help="Judge versions and read their reports")
def compliance() -> None:
    """Judge versions and read their reports."""


@compliance.command("score", short_help="Judge a version now, record the verdict")
@version_of_scripts
@click.option("--for", "target", type=click.Choice(["Staging", "Production"]),
              default="Production", show_default=True, help="Stage whose bar counts.")  # fmt: skip
@click.option("--as", "judged_as", help="Judge it as if it had this name.")
@dry_run
@as_json
def compliance_score(
    version: NamedVersion, target: str, judged_as: str | None, dry_run: bool, as_json: bool
) -> None:
    """Judge a version now and record the verdict."""
    from compliance.bootstrap import open_judging
    from compliance.judging.service import Case
    from compliance.sandbox import Limits, Sandbox
    from registry.audit.adapters.confinement_waivers import confinement
    from registry.bootstrap import open_registry

    settings = load_settings()
    registry = open_registry(settings)
    found = registry.versions.find_version(version.name, version.spec)
    registry.registration.refresh_lineage(found.uid)
    found = registry.versions.version(found.uid)
    digest = found.manifest_digest
    if digest is None:
        raise NotFoundError(
            f"{found.ref}: expected readable files at registration, found {found.reason}",
            hint="register the model again",
        )
    case = Case(found, judged_as or found.name, Stage(target), digest)
    limits = Limits(memory_bytes=settings.of(RegistrySettings).model_memory_bytes)
    means = confinement(settings, registry.engine, "cli", utc_now())
    with Sandbox(limits, means=means) as sandbox:
        verdict = open_judging(settings, registry, sandbox).judge(case)
    if not dry_run:
        act = Act(cli_actor(), to_millis(utc_now()))
        registry.gate.record_verdict(found.uid, case.judged_as, case.target, verdict, act)
    _print(verdict.document, as_json)
    if not verdict.passed:
        raise VerdictRefusedError(
            f"{found.ref} does not meet the constitution for {target}",
            hint=f"acgs compliance report {spelled(found.name, found.semver)} --html report.html",
        )


@compliance.command("show", short_help="Show the newest verdict on a version")
@version_argument
@as_json
def compliance_show(version: NamedVersion, as_json: bool) -> None:
    """Show the newest verdict on a version."""
    _print(_newest(version), as_json)


@compliance.command("report", short_help="Write the report of the newest verdict")
@version_argument
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path),
              help="Write an HTML page there instead of Markdown to the terminal.")  # fmt: skip
def compliance_report(version: NamedVersion, html: Path | None) -> None:
    """Write the report of the newest verdict on a version."""
    from compliance.reports.report import render_html, render_markdown

    document = _newest(version)
    if html is None:
        click.echo(render_markdown(document))
        return
    html.write_text(render_html(document), "utf-8")
    click.echo(f"wrote {html}")


def _newest(version: NamedVersion) -> Mapping[str, Any]:
    found: Mapping[str, Any] = views.read(
        "compliance", "verdict", name=version.name, version=version.spec
    )
    return found


def _print(document: Mapping[str, Any], as_json: bool) -> None:
    from compliance.reports.report import MARKS, causes_of

    if as_json:
        emit(document, True, ())
        return
    subject = document["subject"]
    verdict = "passed" if document["passed"] else "refused"
    click.echo(
        f"{subject['name']} {subject['semver']} for {document['target']}: {verdict}, "
        f"score {document['score']:.4f} (needs {document['min_score']:.2f})"
    )
    for principle in document["principles"]:
        score = "n/a" if principle["score"] is None else f"{principle['score']:.3f}"
        click.echo(f"\n{score:>6}  {principle['id']}, {principle['share']:.1%} of the score")
        for rule in principle["rules"]:
            click.echo(f"     {MARKS[rule['outcome']]}  {rule['id']}: {rule['observed']}")
    for cause in causes_of(document):
        expected = f"\n  expected {cause.expected}" if cause.expected else ""
        click.echo(
            f"\n{', '.join(cause.rules)}{expected}\n  found    {cause.found}"
            f"\n  fix      {cause.fix}"
        )
