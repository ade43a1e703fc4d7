from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest
import yaml

from registry.domain import plain_json
from registry.domain.plain_json import MAX_LEVELS, TooDeepError
from registry.domain.signature import Signature
from registry.errors import ArtifactError, NestingError
from registry.files.adapters.artifact_files import build_manifest, read_mlmodel
from registry.files.adapters.input_example import read_columns
from registry.files.adapters.stored_files import LocalFiles, beginning
from registry.files.domain.manifest import MAX_FOLDERS
from registry.model_files import plain_yaml
from tests.support.hostile.layout import deep
from tests.support.hostile_folders import remove

MLMODEL = {"flavors": {"sklearn": {"code": None}}, "signature": {"inputs": '[{"type": "long"}]'}}


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def anchors(levels: int, one: str) -> str:
    lines = ["a0: &a0 {k: v}"]
    for n in range(1, levels):
        lines.append(f"a{n}: &a{n} " + one.replace("*", ", ".join([f"*a{n - 1}"] * 10)))
    return "\n".join(lines)


@pytest.mark.parametrize("levels", [0, 1, MAX_LEVELS])
def test_shallow_json_is_read(levels: int) -> None:
    assert str(plain_json.read(nested(levels) or "1", "x")) == (nested(levels) or "1")


@pytest.mark.parametrize("levels", [MAX_LEVELS + 1, 900, 10_000, 1_000_000])
@pytest.mark.parametrize(("before", "after"), [("[", "]"), ('{"a":', "}")])
def test_deep_json_is_refused(levels: int, before: str, after: str) -> None:
    with pytest.raises(TooDeepError, match="up to 64 levels of nesting in the file, found more"):
        plain_json.read(before * levels + "1" + after * levels, "the file")


def test_what_mlflow_writes_is_read() -> None:
    text = yaml.safe_dump({**MLMODEL, "columns": ["a"] * 2_000})
    assert plain_yaml.read(text.encode(), "MLmodel") == yaml.safe_load(text)


@pytest.mark.parametrize("levels", [10, MAX_LEVELS - 1])
def test_shallow_yaml_is_read(levels: int) -> None:
    text = f"a: {nested(levels)}"
    assert plain_yaml.read(text.encode(), "x") == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"a: {nested(MAX_LEVELS)}", "up to 64 levels"),
        (f"a: {nested(900)}", "up to 64 levels"),
        (f"a: {nested(10_000)}", "up to 64 levels"),
        ("[" * 1_000_000, "up to 64 levels"),
        ("a:\n  " + "- " * 10_000 + "x", "up to 64 levels"),
        ("? " * 10_000, "up to 64 levels"),
        (anchors(9, "[*]"), "values"),
        (anchors(9, "{<<: [*]}"), "values"),
        ("a: &x [*x]", "values"),
        ("a: {}\n" + "".join(f"k{n}: 1\n" for n in range(30_000)), "values"),
        ("a: " + "x" * plain_yaml.MAX_BYTES, "bytes"),
        ("a: " + "1:" * 200_000 + "1", "128 characters"),
        ("a: " + "1:" * 100_000 + "1.5", "128 characters"),
        ("a: " + "9" * 100_000, "128 characters"),
        ("a: 0x" + "f" * 100_000, "128 characters"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_yaml_that_explodes_is_refused_in_no_time(text: str, told: str) -> None:
    started = time.process_time()
    with pytest.raises(NestingError, match=told):
        plain_yaml.read(text.encode(), "MLmodel")
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "x: {a: 1, b: {c: 1, c: 2}}", "- a: [1]\n  a: []", "a: {}\nb: 1\na: 1"]
)
def test_a_key_that_comes_twice_is_refused(text: str) -> None:
    with pytest.raises(ArtifactError, match="each key once"):
        plain_yaml.read(text.encode(), "MLmodel")


@pytest.mark.parametrize(
    "text", ["a: a\nb: a", "[{a: 1}, {a: 1}]", "a: &x {k: 1}\nb: *x\nc: {k: 1}"]
)
def test_a_key_that_comes_again_elsewhere_is_read(text: str) -> None:
    assert plain_yaml.read(text.encode(), "MLmodel") == yaml.safe_load(text)


def test_a_tag_in_mlmodel_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "MLmodel").write_text(f"a: !!python/object/apply:os.mkdir ['{marker}']")
    with pytest.raises(ArtifactError, match="expected YAML"):
        read_mlmodel(tmp_path)
    assert not marker.exists()


def test_a_mlmodel_of_ten_gigabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "MLmodel").open("wb") as file:
        file.truncate(10_000_000_000)
    with pytest.raises(NestingError, match="bytes"):
        read_mlmodel(tmp_path)


@pytest.mark.parametrize("part", ["inputs", "outputs", "params"])
def test_a_nested_signature_is_told_from_a_broken_one(part: str) -> None:
    with pytest.raises(TooDeepError, match="the signature"):
        Signature.from_mlmodel({"signature": {part: nested(10_000)}})
    with pytest.raises(ValueError, match="expected an MLflow signature"):
        Signature.from_mlmodel({"signature": {part: "[{"}})


def test_a_nested_example_is_told_from_a_broken_one(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(nested(10_000))
    info = {"saved_input_example_info": {"type": "dataframe", "artifact_path": "e.json"}}
    files = LocalFiles(tmp_path)
    with pytest.raises(TooDeepError, match=r"in e\.json"):
        read_columns(files.manifest(), info, partial(beginning, files))


def test_files_in_as_many_folders_as_may_be_are_hashed(tmp_path: Path) -> None:
    deep(tmp_path, MAX_FOLDERS, file="weights")
    assert [file.path.count("/") for file in build_manifest(tmp_path).files] == [MAX_FOLDERS]


@pytest.mark.parametrize(
    ("levels", "name"),
    [(MAX_FOLDERS + 1, "d"), (600, "d"), (1100, "d"), (100, "d" * 200), (30, "d" * 200)],
)
def test_deeper_folders_are_refused_even_empty_ones(tmp_path: Path, levels: int, name: str) -> None:
    root = tmp_path / "model"
    root.mkdir()
    (root / "MLmodel").touch()
    deep(root, levels, name)
    with pytest.raises(NestingError, match=r"expected (files in|names)"):
        build_manifest(root)
    remove(root)


def test_a_name_that_the_system_does_not_take_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(NestingError, match="that the system takes"):
        build_manifest(tmp_path / ("n" * 300))
    assert os.listdir(tmp_path) == []
