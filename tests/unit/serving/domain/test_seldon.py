from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from serving.domain.seldon import (
    API_VERSION,
    KIND,
    ManifestError,
    Predictor,
    SeldonDeployment,
    ServedVersion,
    check_namespace,
    resource_name,
)

ROOT = Path(__file__).resolve().parents[4]


def version(number: int = 1) -> ServedVersion:
    return ServedVersion(
        uid=f"uid-{number}", name="credit", number=number, semver=f"1.{number}.0",
        digest="sha256:ab", model_uri="s3://models/credit",
    )  # fmt: skip


def two(default: int, canary: int) -> tuple[Predictor, ...]:
    return (
        Predictor("default", version(1), default),
        Predictor("canary", version(2), canary),
    )


def crds() -> list[dict[str, Any]]:
    folder = ROOT.parent / "shared" / "crd"
    return [yaml.load(path.read_text(), yaml.CSafeLoader) for path in sorted(folder.glob("*.yaml"))]


def test_the_manifest_fits_seldons_own_schema() -> None:
    from jsonschema import Draft7Validator

    known = crds()
    if not known:
        pytest.skip("no ../shared/crd/*.yaml beside the repository: manifests are NOT checked")
    manifest = SeldonDeployment("credit", "acgs", two(90, 10)).manifest()
    group, version_name = API_VERSION.split("/")
    schemas = [
        v["schema"]["openAPIV3Schema"]
        for crd in known
        if (crd["spec"]["group"], crd["spec"]["names"]["kind"]) == (group, KIND)
        for v in crd["spec"]["versions"]
        if v["name"] == version_name
    ]
    assert len(schemas) == 1, f"no schema for {manifest['kind']} {manifest['apiVersion']}"
    assert [e.message for e in Draft7Validator(schemas[0]).iter_errors(manifest)] == []
    broken = {**manifest, "spec": {"predictors": [{"name": 3, "traffic": "ten"}]}}
    assert list(Draft7Validator(schemas[0]).iter_errors(broken))


def test_the_manifest_says_which_version_serves() -> None:
    manifest: Any = SeldonDeployment("credit", "acgs", two(90, 10)).manifest()
    canary = manifest["spec"]["predictors"][1]
    assert canary["traffic"] == 10
    assert canary["graph"]["implementation"] == "MLFLOW_SERVER"
    assert canary["annotations"]["acgs.mlops/semver"] == "1.2.0"
    assert canary["annotations"]["acgs.mlops/manifest-digest"] == "sha256:ab"


@pytest.mark.parametrize(
    ("name", "namespace", "predictors", "said"),
    [
        ("credit", "acgs", two(90, 20), "a sum of 100, found [90, 20]"),
        ("credit", "acgs", two(110, -10), "percentages 0..100"),
        ("credit", "acgs", (two(50, 50)[0],) * 2, "unique names"),
        ("credit", "acgs", (), "at least one"),
        ("Credit Risk", "acgs", two(90, 10), "a DNS label"),
        ("credit", "a_b", two(90, 10), "a DNS label"),
        ("credit", "acgs", (Predictor("default", version(), 100, replicas=0),), "at least 1"),
    ],
)
def test_what_seldon_would_refuse_is_refused_here(
    name: str, namespace: str, predictors: tuple[Predictor, ...], said: str
) -> None:
    with pytest.raises(ManifestError) as refused:
        SeldonDeployment(name, namespace, predictors)
    assert said in refused.value.message


@given(st.text(min_size=1, max_size=256))
def test_any_model_name_becomes_a_name_that_kubernetes_takes(name: str) -> None:
    made = resource_name(name)
    check_namespace(made)
    assert len(made) <= 40


def test_two_models_never_share_a_resource_name() -> None:
    names = ["credit", "Credit", "credit risk", "credit-risk", "credit_risk", "c" * 60, "c" * 61]
    assert len({resource_name(n) for n in names}) == len(names)
