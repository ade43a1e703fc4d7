"""Lays out the demo's storage root: its constitution, its evidence, its ports.

The demo has a constitution of its own, in its own root: the shipped one, with two approvals asked
for in Production. So it never takes over a root in which somebody keeps real models.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.errors import UsageError
from infra.processes.supervisor import already_running, locked
from pipelines.demo.people import APPROVERS
from registry.settings import RegistrySettings

if TYPE_CHECKING:
    from infra.settings import Settings
    from pipelines.steps.data import Dataset

MARKER = "demo.txt"
PATTERN = "credit*"
BASE_NAME = "credit"
NAMESPACE = "acgs"


def claim(settings: Settings) -> None:
    """Check that the demo may use the storage root, and mark the root as the demo's.

    Raises:
        AlreadyRunningError: a live run owns it.
        UsageError: models that are not the demo's are registered there, or settings name another
            constitution or catalogue.
    """
    chosen = settings.of(RegistrySettings)
    for variable, given in (
        ("ACGS_CONSTITUTION", chosen.constitution),
        ("ACGS_EVIDENCE", chosen.evidence),
    ):
        if given is not None:
            raise UsageError(
                f"expected no {variable}, found {given}: the demo brings its own",
                hint=f"unset {variable}",
            )
    if locked(settings.storage_root):
        raise already_running(settings.storage_root)
    marker = settings.folder(".") / MARKER
    if not marker.exists():
        found = _registered(settings)
        if found:
            raise UsageError(
                f"storage root {settings.storage_root}: expected a fresh one or the demo's, "
                f"found {found} registered model versions",
                hint="give the demo a root of its own: acgs --storage-root .acgs-demo demo",
            )
        marker.write_text("`acgs demo` may use this folder; its constitution is the demo's.\n")


def _registered(settings: Settings) -> int:
    from sqlalchemy import func, inspect, select

    from infra.stores.db import open_engine, reading
    from registry.adapters import tables

    if not settings.database_url and not (settings.storage_root / "registry.db").exists():
        return 0
    engine = open_engine(settings.sqlalchemy_url)
    try:
        if not inspect(engine).has_table(tables.version.name):
            return 0
        with reading(engine) as connection:
            return int(
                connection.execute(select(func.count()).select_from(tables.version)).scalar_one()
            )
    finally:
        engine.dispose()


def lay_out(settings: Settings, dataset: Dataset) -> None:
    """Write the constitution and bind `credit*` to the holdout; idempotent."""
    _write_constitution(settings)
    _bind_evidence(settings, dataset)


def _write_constitution(settings: Settings) -> None:
    import yaml

    import compliance
    from compliance.constitution import constitution_file
    from registry.governance.adapters import governance_file

    shipped = Path(compliance.__file__).parent / "constitution" / governance_file.DOCUMENT
    changed = governance_file.document(shipped)
    changed["stages"]["Production"]["approvals"] = len(APPROVERS)
    changed["metadata"]["name"] = "acgs-demo"
    target = settings.folder("constitution") / governance_file.DOCUMENT
    target.write_text(
        "# The shipped constitution with two approvals asked for in Production (acgs demo).\n"
        + yaml.safe_dump(changed, sort_keys=False, width=100)
    )
    constitution_file.write_lock(target)


def _bind_evidence(settings: Settings, dataset: Dataset) -> None:
    from compliance.evidence import evidence_file
    from pipelines.steps.data import canonical_bytes

    with tempfile.TemporaryDirectory() as folder:
        holdout = Path(folder) / "holdout.csv"
        holdout.write_bytes(canonical_bytes(dataset.holdout))
        evidence_file.add(
            settings,
            holdout,
            {
                "pattern": PATTERN,
                "task": dataset.task.value,
                "label": dataset.label,
                "sensitive": list(dataset.sensitive),
                "features": list(dataset.features),
            },
            replace=True,
        )


def fresh_name(taken: Sequence[str]) -> str:
    """Return the first of `credit`, `credit-2`, `credit-3`, ... that no earlier demo used."""
    if BASE_NAME not in taken:
        return BASE_NAME
    number = 2
    while f"{BASE_NAME}-{number}" in taken:
        number += 1
    return f"{BASE_NAME}-{number}"


def free_ports(settings: Settings, wanted: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Return other ports for the default ones that are taken.

    A port that a person chose is left as it is: taken, it is an error that says so.

    Args:
        settings: of the platform.
        wanted: (setting, port) of every port that will be bound.

    Returns:
        Setting to free port, only for the settings that must change.
    """
    from infra.configuration import known_settings

    known = known_settings()
    changed: dict[str, str] = {}
    used = {port for _, port in wanted}
    for setting, port in wanted:
        chosen = setting in known and known[setting].is_chosen(settings)
        if chosen or setting in changed or not _taken(settings.host, port):
            continue
        found = _any_port(settings.host)
        while found in used:
            found = _any_port(settings.host)
        used.add(found)
        changed[setting] = str(found)
    return changed


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
