"""The wheel, installed where there is no clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.ports import free_ports
from tests.support import wheel
from tests.support.wheel import CLONE, Built

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PACKAGES = ("infra", "registry", "compliance", "serving", "pipelines")
PORTS = ("REGISTRY", "GATEWAY", "GATEWAY_ADMIN", "COMPLIANCE")
NOT_PACKAGED = {"infra/setup.sh"}
ADDED = {"infra/commit.txt", "infra/requirements/serving.txt", "infra/requirements/servers.txt"}
HOLDOUT = """
from pipelines.steps import data
data.load(data.DatasetName.CREDIT).holdout.to_csv("holdout.csv", index=False)
"""


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment of its own, used from an empty folder."""

    python: Path
    folder: Path
    environment: Mapping[str, str]

    def acgs(self, *words: str) -> str:
        return self._run([str(self.python.with_name("acgs")), *words])

    def run(self, *words: str) -> str:
        return self._run([str(self.python), *words])

    def _run(self, words: list[str]) -> str:
        done = subprocess.run(
            words, cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}:\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return wheel.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    python = wheel.install(built.wheel, folder / "environment")
    (folder / "empty").mkdir()
    kept = {name: value for name, value in os.environ.items() if not _names_us(name, value)}
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    ours = Installed(
        python,
        folder / "empty",
        kept | {f"ACGS_{name}_PORT": str(port) for name, port in ports.items()},
    )
    yield ours
    ours.acgs("down")


def _names_us(name: str, value: str) -> bool:
    """Whether a variable would bring the clone, or somebody's settings, back in."""
    ours = name.startswith(("ACGS_", "MLFLOW_", "MLOPS_", "PYTHON")) or name == "VIRTUAL_ENV"
    return ours or (name != "PATH" and str(CLONE) in value)


def test_the_wheel_holds_every_file_of_the_packages_and_what_it_installs_from(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
        locks = {name: file.read(name) for name in ADDED if "requirements" in name}
    files = wheel.run(["git", "ls-files", *PACKAGES], built.source).splitlines()

    assert held == set(files) - NOT_PACKAGED | ADDED
    for name, content in locks.items():
        assert content == (CLONE / "requirements" / Path(name).name).read_bytes()


def test_a_version_is_trained_promoted_and_served_without_a_clone(
    built: Built, installed: Installed, tmp_path: Path
) -> None:
    assert installed.acgs("--version").startswith("acgs, version ")
    where = installed.run("-c", "import sys, infra; print(infra.__file__, *sys.path)")
    assert str(CLONE) not in where

    # Also where an environment of the clone's own would be found by its place.
    servers_python = installed.acgs("setup").split()[-1]
    assert Path(servers_python).is_file()
    assert not servers_python.startswith((str(CLONE), sys.prefix))

    installed.acgs("up", "--detach")
    installed.run("-c", HOLDOUT)
    installed.acgs(
        "evidence", "add", "loans", "--dataset", "holdout.csv", "--task", "classification",
        "--label", "repaid", "--sensitive", "group",
    )  # fmt: skip
    installed.acgs("endpoint", "create", "loans", "--steps", "100:1")
    installed.run("-m", "pipelines.train", "--dataset", "credit", "--register-as", "loans")
    assert "loans 1.0.0 (version 1) is in Production" in installed.acgs("promote", "loans@1.0.0")
    installed.acgs("rollout", "watch", "loans")

    shown = json.loads(installed.acgs("version", "show", "loans@1.0.0", "--json"))
    assert shown["git_commit"] == built.commit
    assert _predicted(installed) in (0, 1)

    installed.acgs("dossier", "loans@champion", "--output", "dossier.html")
    (installed.folder / "log.vkey").write_text(installed.acgs("audit", "public-key"))
    _verified_elsewhere(built, installed, tmp_path)


def _verified_elsewhere(built: Built, installed: Installed, folder: Path) -> None:
    """Verify the dossier in a fresh environment, in a folder that has it and a key alone."""
    where = folder / "examiner"
    where.mkdir()
    for name in ("dossier.html", "log.vkey"):
        shutil.copy(installed.folder / name, where)
    python = wheel.install(built.wheel, folder / "environment")
    examiner = Installed(python, where, {"PATH": os.defpath, "HOME": str(where)})
    verify = ("verify", "dossier.html", "--public-key", "log.vkey")
    assert "loans 1.0.0, in Production at " in examiner.acgs(*verify)
    assert sorted(path.name for path in where.iterdir()) == ["dossier.html", "log.vkey"]
    page = (where / "dossier.html").read_bytes()
    (where / "dossier.html").write_bytes(page.replace(b"granted", b"refused", 1))
    with pytest.raises(AssertionError, match=r"dossier\.not_proven"):
        examiner.acgs(*verify)


def _predicted(installed: Installed) -> int:
    port = installed.environment["ACGS_GATEWAY_PORT"]
    answer = httpx.post(
        f"http://127.0.0.1:{port}/seldon/acgs/loans/api/v1.0/predictions",
        json={
            "data": {
                "names": ["income", "debt_ratio", "employment_years", "late_payments", "age",
                          "region_index"],
                "ndarray": [[42000, 0.2, 8, 0, 41, 0.5]],
            }
        },
        timeout=30,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return int(answer.json()["data"]["ndarray"][0])
