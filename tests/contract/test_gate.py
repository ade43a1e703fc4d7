"""The gate, from the Python client: refused before the verdict, allowed after."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException

from pipelines.steps.models import Recipe
from tests.support.credit import register, unique
from tests.support.platform import Platform


def test_a_good_version_reaches_production_and_becomes_champion(platform: Platform) -> None:
    name = unique("credit")
    version = register(platform, name)
    moved = platform.stage(name, version.number, "production")
    assert moved.current_stage == "Production"
    champion = platform.client().get_model_version_by_alias(name, "champion")
    assert int(champion.version) == version.number
    assert champion.tags["acgs.verdict"] == "passed for Production"


def test_a_biased_version_is_refused_and_told_why(platform: Platform) -> None:
    name = unique("credit")
    version = register(platform, name, Recipe.BIASED)
    with pytest.raises(MlflowException, match="fairness") as refused:
        platform.stage(name, version.number, "Production")
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert "expected" in str(refused.value)
    assert "found" in str(refused.value)
    assert "Fix:" in str(refused.value)
    assert platform.client().get_model_version(name, str(version.number)).current_stage == "None"
