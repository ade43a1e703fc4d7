"""One version judged with the shipped constitution, a real holdout and the real sandbox."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.evidence import evidence_file
from compliance.judging.service import Case, Judging
from compliance.reports.report import render_html, render_markdown
from compliance.sandbox import Sandbox
from infra.settings import Settings
from registry.domain.canonical import canonical_bytes
from registry.domain.values import Stage
from registry.errors import ArtifactError
from registry.governance.adapters.evidence_file import binding_digest
from tests.docs.json_page import promises
from tests.integration.compliance.fakes import VERSION, FakeRegistry
from tests.integration.compliance.kit import (
    OnLoad,
    OnPredict,
    good_model,
    people,
    replace_model,
    save,
)

CASE = Case(VERSION, "credit", Stage.PRODUCTION, "sha256:abc")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(storage_root=tmp_path / "root")
    bind(found, tmp_path, people(4000))
    return found


def bind(settings: Settings, folder: Path, frame: Any) -> None:
    frame.to_parquet(folder / "holdout.parquet")
    draft: dict[str, object] = {
        "pattern": "credit*",
        "task": "classification",
        "label": "paid",
        "sensitive": ["sex"],
    }
    evidence_file.add(settings, folder / "holdout.parquet", draft, replace=True)


@pytest.fixture
def registry(tmp_path: Path) -> FakeRegistry:
    return FakeRegistry(save(tmp_path / "model", good_model(), "pickle"))


@pytest.fixture
def judging(settings: Settings, registry: FakeRegistry, sandbox: Sandbox) -> Judging:
    return Judging(settings, registry, sandbox)


def failed(verdict: Any) -> set[str]:
    return {reason.rule for reason in verdict.reasons}


def test_a_good_version_passes_with_nothing_to_do(judging: Judging, settings: Settings) -> None:
    verdict = judging.judge(CASE)
    assert (verdict.score, verdict.passed, verdict.reasons) == (1.0, True, ())
    assert verdict.evidence_digest == binding_digest(settings, "credit")
    assert verdict.document["task"] == "classification"
    assert set(verdict.document) == promises()["acgs compliance show NAME@VERSION"].keys


def test_the_scorecard_names_what_confined_the_model(judging: Judging, sandbox: Sandbox) -> None:
    assert judging.judge(CASE).document["confinement"] == list(sandbox.confinement)
    assert "seccomp" in sandbox.confinement


def test_the_same_inputs_give_the_same_bytes(judging: Judging) -> None:
    first, again = judging.judge(CASE), judging.judge(CASE)
    assert canonical_bytes(first.document) == canonical_bytes(again.document)


def test_an_unfair_version_is_refused_for_its_gap(
    judging: Judging, settings: Settings, tmp_path: Path
) -> None:
    bind(settings, tmp_path, people(4000, bias=0.4))
    verdict = judging.judge(CASE)
    assert not verdict.passed
    assert "fairness.selection_rate" in failed(verdict)


def test_without_evidence_a_version_is_refused_and_told_the_command(
    settings: Settings, registry: FakeRegistry, sandbox: Sandbox
) -> None:
    verdict = Judging(settings, registry, sandbox).judge(replace(CASE, judged_as="fraud"))
    assert not verdict.passed
    assert {"performance.accuracy", "performance.r2", "robustness.noise"} <= failed(verdict)
    assert any("acgs evidence add fraud" in reason.fix for reason in verdict.reasons)


def test_a_malicious_pickle_is_vetoed_and_never_loaded(
    judging: Judging, registry: FakeRegistry, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    replace_model(registry.folder, OnLoad(os.system, f"touch {mark}"))
    verdict = judging.judge(CASE)
    assert verdict.document["vetoes"] == ["safety.artifact"]
    assert "posix.system" in verdict.reasons[0].found
    assert not mark.exists()


class Unscanned:
    """The sandbox without its scan, as if a crashing model had passed it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.predict = sandbox.predict
        self.confinement = sandbox.confinement

    def scan(self, folder: Path) -> Any:
        from compliance.domain.facts import Scan

        return Scan((), 5)


@pytest.mark.parametrize(
    ("act", "word"), [("abort", "crashed on predict (signal 6"), ("hang", "hung on predict")]
)
def test_a_model_that_crashes_or_hangs_is_refused_with_that_reason(
    settings: Settings, registry: FakeRegistry, unjudging: Sandbox, act: str, word: str
) -> None:
    replace_model(registry.folder, OnPredict(act))
    verdict = Judging(settings, registry, Unscanned(unjudging)).judge(CASE)
    assert not verdict.passed
    assert any(word in reason.found for reason in verdict.reasons)


def test_changed_files_are_a_refusal_not_a_failure(
    judging: Judging, registry: FakeRegistry
) -> None:
    registry.files_error = ArtifactError("expected digest a, found b", hint="restore them")
    verdict = judging.judge(CASE)
    assert (verdict.passed, failed(verdict)) == (False, {"artifact.unusable"})


def test_a_changed_holdout_is_insufficient_evidence(judging: Judging, settings: Settings) -> None:
    (holdout,) = settings.folder("evidence").glob("*.parquet")
    holdout.write_bytes(holdout.read_bytes() + b" ")
    verdict = judging.judge(CASE)
    assert not verdict.passed
    assert any("pinned as sha256" in reason.found for reason in verdict.reasons)


def test_an_unreadable_catalogue_is_a_refusal_with_the_place(
    judging: Judging, settings: Settings
) -> None:
    (settings.folder("evidence") / "catalogue.yaml").write_text("bindings: [{patern: x}]")
    verdict = judging.judge(CASE)
    assert failed(verdict) == {"evidence.unusable"}
    assert "bindings[0].patern" in verdict.reasons[0].found


def test_an_undocumented_version_without_commit_misses_production_only(
    settings: Settings, registry: FakeRegistry, sandbox: Sandbox
) -> None:
    registry.description = ""
    case = replace(CASE, version=replace(VERSION, git_commit=None))
    judging = Judging(settings, registry, sandbox)
    assert not judging.judge(case).passed
    assert judging.judge(replace(case, target=Stage.STAGING)).passed


def test_reports_show_the_numbers_and_escape_what_people_wrote(
    judging: Judging, settings: Settings, tmp_path: Path
) -> None:
    frame = people(4000, bias=0.4)
    frame["sex"] = frame["sex"].replace({"f": "<script>alert(1)</script>"})
    bind(settings, tmp_path, frame)
    document = judging.judge(CASE).document
    html = render_html(document)
    assert "Selection rate by sex" in html
    assert "<script" not in html
    assert "http" not in html.replace("http-equiv", "")
    markdown = render_markdown(document)
    assert markdown.startswith("# credit 1.0.0: refused for Production")
    assert "fairness.selection_rate" in markdown
