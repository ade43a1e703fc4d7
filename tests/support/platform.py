"""The whole platform as a user runs it, on a storage root and ports of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from click.testing import CliRunner

from compliance.settings import ComplianceSettings
from infra.console.cli import acgs
from infra.private import repair
from infra.processes import running
from infra.settings import Settings
from infra.stores.object_store import Location, ObjectStore, is_s3
from registry.settings import RegistrySettings, tracking_url
from serving.settings import ServingSettings
from tests.ports import free_ports
from tests.support.stores import put_database

SHIPPED = Path(__file__).parents[2] / "compliance" / "constitution" / "constitution.yaml"
UP_SECONDS = 180

APPLIES_TO = [
    {"pattern": "credit*", "enforcement": "enforce"},
    {"pattern": "asks-approval*", "enforcement": "enforce"},
    {"pattern": "observed*", "enforcement": "observe"},
    {"pattern": "warned*", "enforcement": "warn"},
]
"""What the tests' constitution governs; every other name is plain MLflow."""


@dataclass(frozen=True)
class Platform:
    """A running platform."""

    root: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def settings(self) -> Settings:
        return Settings(
            storage_root=self.root,
            database_url=self.environment.get("ACGS_DATABASE_URL", ""),
            artifact_root=self.environment.get("ACGS_ARTIFACT_ROOT", ""),
            s3_endpoint=self.environment.get("MLFLOW_S3_ENDPOINT_URL", ""),
        ).having(
            RegistrySettings(port=int(self.environment["ACGS_REGISTRY_PORT"])),
            ServingSettings(
                gateway_port=int(self.environment["ACGS_GATEWAY_PORT"]),
                gateway_admin_port=int(self.environment["ACGS_GATEWAY_ADMIN_PORT"]),
            ),
            ComplianceSettings(port=int(self.environment["ACGS_COMPLIANCE_PORT"])),
        )

    @property
    def url(self) -> str:
        return tracking_url(self.settings)

    def acgs(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra", *arguments],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=UP_SECONDS,
            check=check,
        )

    def json(self, *arguments: str) -> Any:
        """Ask the command line in this process: an interpreter for each look costs a second."""
        with mock.patch.dict(os.environ, self.environment, clear=True):
            done = CliRunner().invoke(acgs, [*arguments, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def put_artifacts(self, relative: str, folder: Path) -> None:
        """Put a folder's files where the server's artifact proxy would, past the proxy."""
        root = self.settings.artifacts_destination
        if not is_s3(root):
            shutil.copytree(folder, Path(root) / relative)
            repair(Path(root))  # as if the server's process had made them
            return
        with self._objects() as store:
            ObjectStore(
                Location(store.location.bucket, store.location.key(relative)), store.s3
            ).upload_all(folder)

    def put_artifact(self, relative: str, data: bytes) -> None:
        """Store one file, past the proxy."""
        root = self.settings.artifacts_destination
        if not is_s3(root):
            # Not pathlib's way, which recurses twice a folder.
            os.makedirs(os.path.dirname(f"{root}/{relative}"), exist_ok=True)
            Path(root, relative).write_bytes(data)
            return
        with self._objects() as store:
            store.write(relative, data)

    def change_artifact(self, relative: str, change: Callable[[bytes], bytes]) -> None:
        """Rewrite a stored file, past the proxy."""
        root = self.settings.artifacts_destination
        if not is_s3(root):
            file = Path(root) / relative
            file.write_bytes(change(file.read_bytes()))
            return
        with self._objects() as store:
            store.write(relative, change(store.read(relative)))

    @contextmanager
    def _objects(self) -> Iterator[ObjectStore]:
        """Open the artifact store as the platform does."""
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
                patch.setenv(name, self.environment[name])
            yield ObjectStore.of(self.settings, self.settings.artifacts_destination)

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self.url, self.url)

    def stage(self, name: str, number: int, stage: str, *, archive: bool = False) -> Any:
        """Transition as any Python user does."""
        return self.client().transition_model_version_stage(
            name, str(number), stage, archive_existing_versions=archive
        )

    def ready(self) -> bool:
        """Whether the supervisor found every role ready when it last looked."""
        roles = running.read_roles(self.root)
        return bool(roles) and all(role.state == "ready" for role in roles)

    def pids(self) -> dict[str, int]:
        """Return the process of each role that is up, as the supervisor knows it."""
        roles = running.read_roles(self.root)
        return {role.name: role.identity.pid for role in roles if role.identity}


PAIRS = {"sqlite+folder": "embedded_platform", "postgres+s3": "server_platform"}
"""The shared platform on each pair of stores."""


def write_constitution(root: Path, approvals: int = 0) -> None:
    """Lay the shipped constitution out for the tests' names."""
    from compliance.constitution import constitution_file

    document = yaml.safe_load(SHIPPED.read_text())
    document["applies_to"] = APPLIES_TO
    document["stages"]["Production"]["approvals"] = approvals
    target = root / "constitution" / "constitution.yaml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(yaml.safe_dump(document))
    constitution_file.write_lock(target)


def environment(root: Path, **more: str) -> dict[str, str]:
    registry, gateway, admin, compliance = free_ports(4)
    inherited = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("ACGS_", "MLFLOW_", "MLOPS_", "AWS_"))
    }
    return {
        **inherited,
        "MLOPS_STORAGE_ROOT": str(root),
        "ACGS_REGISTRY_PORT": str(registry),
        "ACGS_GATEWAY_PORT": str(gateway),
        "ACGS_GATEWAY_ADMIN_PORT": str(admin),
        "ACGS_COMPLIANCE_PORT": str(compliance),
        **more,
    }


@contextmanager
def started(root: Path, *, approvals: int = 0, **more: str) -> Iterator[Platform]:
    """Start a platform with the tests' constitution and the credit holdout; stop it after."""
    from tests.support.credit import bind_evidence

    write_constitution(root, approvals)
    if "ACGS_DATABASE_URL" not in more:
        put_database(root)
    platform = Platform(root, environment(root, **more))
    bind_evidence(platform.settings)
    up = platform.acgs("up", "--detach")
    assert up.returncode == 0, up.stderr + up.stdout
    try:
        yield platform
    finally:
        platform.acgs("down")
