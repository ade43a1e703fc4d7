"""One signed statement per version, which proves the files here and anywhere else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from sqlalchemy import update

from infra.errors import UsageError
from infra.stores.db import transaction
from registry.artifacts.adapters import tables
from registry.artifacts.bootstrap import artifacts_of
from registry.artifacts.cli import artifact
from registry.artifacts.errors import FilesDifferError, StatementInvalidError
from registry.errors import UnknownVersionError
from tests.integration.registry.artifacts.places import FILES, Keep

ROOT = Path(__file__).resolve().parents[4]


def test_a_version_is_signed_once_however_many_try(keep: Keep) -> None:
    record = keep.register()
    made: list[str] = []

    def sign() -> None:
        keeping = artifacts_of(keep.settings, keep.artifacts.kit.registry)
        made.append(keeping.statements.envelope(record).signature.hex())

    threads = [threading.Thread(target=sign) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert keep.events(record).count("artifact.signed") == 1
    assert keep.artifacts.statements.verify(record).predicate["semver"] == record.semver


def test_a_statement_about_another_version_proves_nothing(local: Keep) -> None:
    one, other = local.register(), local.register()
    for record in (one, other):
        local.artifacts.statements.sign(record)
    envelope = local.artifacts.statements.envelope(other).document()
    with transaction(local.artifacts.kit.engine) as connection:
        connection.execute(
            update(tables.statement)
            .where(tables.statement.c.version_uid == one.uid)
            .values(envelope=envelope)
        )
    with pytest.raises(StatementInvalidError, match="expected a statement about"):
        local.artifacts.statements.verify(one)
    assert local.artifacts.scrubbing.check(one).changes == (
        "statement: it is about other files than the registered manifest",
    )


def test_a_folder_is_proven_elsewhere_with_nothing_but_the_public_key(
    local: Keep, tmp_path: Path
) -> None:
    record = local.register()
    local.artifacts.statements.sign(record)
    (tmp_path / "st.json").write_text(
        json.dumps(local.artifacts.statements.envelope(record).document())
    )
    keys = local.artifacts.kit.keys
    (tmp_path / "key.pem").write_text(keys.public_pem(keys.current()))
    copy = tmp_path / "elsewhere"
    shutil.copytree(record.source, copy)
    arguments = [
        "verify", "--folder", str(copy), "--statement", str(tmp_path / "st.json"),
        "--public-key", str(tmp_path / "key.pem"),
    ]  # fmt: skip
    told = CliRunner().invoke(artifact, arguments, catch_exceptions=False)
    assert (told.exit_code, told.stdout.split(":")[0]) == (0, f"{record.name} {record.semver}")
    # As `mlflow artifacts download -u models:/...` leaves it.
    (copy / "registered_model_meta").write_text("model_name: loans\nmodel_version: '1'\n")
    passed = CliRunner().invoke(artifact, arguments, catch_exceptions=False)
    assert passed.exit_code == 0
    assert "passed over registered_model_meta: MLflow adds it" in passed.stdout
    (copy / "data" / "registered_model_meta").write_text("x")
    with pytest.raises(FilesDifferError, match="data/registered_model_meta: added") as added:
        CliRunner().invoke(artifact, arguments, catch_exceptions=False)
    assert "mlflow artifacts download" in (added.value.hint or "")
    (copy / "data" / "registered_model_meta").unlink()
    for option in ("--statement", "--public-key"):
        nothing = tmp_path / "nothing"
        nothing.write_text("not what was asked for")
        with pytest.raises(UsageError, match="expected") as wrong:
            CliRunner().invoke(artifact, [*arguments, option, str(nothing)], catch_exceptions=False)
        assert "acgs artifact" in (wrong.value.hint or "")
    (copy / "requirements.txt").write_text("evil")
    (copy / "data" / "caf\u00e9.txt").rename(copy / "data" / "caf\u00e8.txt")
    with pytest.raises(FilesDifferError) as differ:
        CliRunner().invoke(artifact, arguments, catch_exceptions=False)
    assert [line.strip() for line in str(differ.value).splitlines()[1:4]] == [
        "data/caf\u00e8.txt: added",
        "data/caf\u00e9.txt: missing",
        "requirements.txt: content changed",
    ]


def test_the_verifier_of_the_how_to_needs_nothing_of_ours(local: Keep, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "verify-a-model.md").read_text("utf-8")
    (tmp_path / "verify.py").write_text(page.split("```python\n")[1].split("```")[0])
    record = local.register()
    keys, files = local.artifacts.kit.keys, Path(record.source)
    document = local.artifacts.statements.envelope(record).document()
    (tmp_path / "st.json").write_text(json.dumps(document))
    (tmp_path / "key.pem").write_text(keys.public_pem(keys.current()))
    command = [sys.executable, "verify.py", str(files), "st.json", "key.pem"]

    def verified() -> int:
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert verified() == 0
    (files / "registered_model_meta").write_text("model_name: loans\nmodel_version: '1'\n")
    assert verified() == 0
    (files / "registered_model_meta").unlink()
    local.flip(record)
    assert verified() == 1
    local.flip(record)
    document["payload"] = document["payload"][:-8] + "AAAA" + document["payload"][-4:]
    (tmp_path / "st.json").write_text(json.dumps(document))
    assert verified() == 1


def test_a_version_without_readable_files_is_told(local: Keep) -> None:
    record = local.shelf.register(source=str(local.shelf.root / "nowhere"))
    assert local.artifacts.statements.sign_missing(10) == 0
    with pytest.raises(StatementInvalidError, match="found none yet"):
        local.artifacts.statements.verify(record)
    with pytest.raises(UnknownVersionError):
        local.artifacts.kit.registry.versions.find_version(record.name, "9.9.9")


def test_the_bill_of_materials_is_valid_and_names_every_file(keep: Keep) -> None:
    record = keep.register()
    bom = keep.artifacts.kit.registry.comparison.bill(record)
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(bom)) is None
    parts = {part["bom-ref"]: part for part in bom["components"]}
    assert {ref for ref in parts if ref.startswith("file:")} == {
        f"file:{name}" for name in (*FILES, "unique.txt")
    }
    entry = next(f for f in keep.artifacts.kit.manifest(record).files if f.path == "MLmodel")
    assert parts["file:MLmodel"]["hashes"] == [{"alg": "SHA-256", "content": entry.sha256}]
    assert parts["library:scikit-learn"]["purl"] == "pkg:pypi/scikit-learn@1.7.2"
    assert "version" not in parts["library:numpy"]
    model = bom["metadata"]["component"]
    assert (model["type"], model["version"]) == ("machine-learning-model", record.semver)
    assert keep.artifacts.kit.registry.comparison.bill(record) == bom
