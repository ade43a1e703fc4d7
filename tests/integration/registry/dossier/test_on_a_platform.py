"""A dossier that a running platform makes is verified where there is no platform."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.credit import register, unique
from tests.support.platform import Platform


def verified(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Verify in an empty folder, by a process that knows nothing of the platform."""
    ours = ("ACGS_", "MLOPS_", "MLFLOW_")
    return subprocess.run(
        [sys.executable, "-m", "infra", "verify", *words],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if not key.startswith(ours)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_what_a_platform_did_is_verified_in_an_empty_folder(
    platform: Platform, tmp_path: Path
) -> None:
    name = unique("credit")
    first = register(platform, name)
    platform.stage(name, first.number, "Production")
    file, key = tmp_path / "dossier.html", tmp_path / "log.vkey"
    made = platform.acgs("dossier", f"{name}@champion", "--output", str(file))
    assert made.returncode == 0, made.stderr
    key.write_text(platform.acgs("audit", "public-key", check=True).stdout)
    empty = tmp_path / "empty"
    empty.mkdir()
    words = [str(file), "--public-key", str(key)]
    done = verified(empty, *words, "--content", str(tmp_path / "content.json"))
    assert done.returncode == 0, done.stderr
    assert f"{name} 1.0.0, in Production at " in done.stdout
    assert list(empty.iterdir()) == []

    content = json.loads((tmp_path / "content.json").read_text())
    told = {section["id"]: section["content"] for section in content["story"]["sections"]}
    assert told["development"]["run"] == first.run_id
    assert {rule["outcome"] for rule in told["controls"]["rules"]} <= {"pass", "not_applicable"}
    (decision,) = told["decisions"]
    assert decision["outcome"]["outcome"] == "granted"
    assert {finding["holds"] for finding in decision["follows"]} == {"yes"}
    assert {"MLmodel"} <= {one["path"] for one in told["files"]["files"]}

    page = file.read_bytes()
    file.write_bytes(page.replace(first.run_id.encode(), b"0" * 32, 1))
    changed = verified(empty, *words)
    assert (changed.returncode, changed.stdout) == (1, "")
    assert "error [dossier.not_proven]: line " in changed.stderr


def test_a_script_makes_one_over_http(platform: Platform) -> None:
    name = unique("credit")
    register(platform, name)
    answer = httpx.post(
        f"{platform.url}/acgs/api/v1/operations/dossier/make",
        json={"name": name, "version": "1.0.0"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    result = answer.json()["result"]
    assert (result["name"], result["semver"]) == (name, "1.0.0")
    assert json.loads(result["dossier"])["payloadType"] == "application/vnd.acgs.dossier+json"
    missing = httpx.post(
        f"{platform.url}/acgs/api/v1/operations/dossier/make",
        json={"name": name, "version": "champion"},
        timeout=60,
        trust_env=False,
    )
    assert (missing.status_code, missing.json()["error_code"]) == (404, "dossier.nothing_then")
