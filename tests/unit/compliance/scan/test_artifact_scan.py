from __future__ import annotations

import os
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.sklearn
import pandas as pd
import pytest
import skops.io
import yaml
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from compliance.checks import safety
from compliance.checks.check import NoParams
from compliance.errors import EvidenceError
from compliance.scan.artifact_scan import judge_model, scan_folder
from infra import strict_yaml
from tests.unit.compliance.kit import context

FRAME = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "y": [0, 0, 1, 1]})


def save(folder: Path, model: Any, serialization: str = "skops", **options: Any) -> Path:
    labels = FRAME["y"].to_numpy()
    model.fit(FRAME[["x"]], labels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow 3.17 on pandas 3 and pydantic 2.14
        mlflow.sklearn.save_model(
            model,
            str(folder),
            serialization_format=serialization,
            signature=infer_signature(FRAME[["x"]], labels),
            pip_requirements=["scikit-learn==1.9.1", "numpy"],
            **options,
        )
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("original") / "model", LogisticRegression())


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "model"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "MLmodel"
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


@pytest.mark.parametrize("serialization", ["skops", "pickle", "cloudpickle"])
def test_what_mlflow_logs_is_safe(tmp_path: Path, serialization: str) -> None:
    example = FRAME[["x"]]
    model = LogisticRegression()
    scan = scan_folder(save(tmp_path / "m", model, serialization, input_example=example))
    assert scan.violations == ()
    assert scan.files >= 5


def test_a_forest_in_skops_is_judged_by_our_list_not_by_its_own(tmp_path: Path) -> None:
    types = ["sklearn.tree._tree.Tree"]
    model = RandomForestClassifier(3)
    scan = scan_folder(save(tmp_path / "m", model, skops_trusted_types=types))
    assert scan.violations == ()


def test_a_function_that_the_model_trusts_itself_is_refused(tmp_path: Path, folder: Path) -> None:
    evil = FunctionTransformer(func=os.system)
    (folder / "model.skops").write_bytes(skops.io.dumps(evil))
    edit(folder, lambda d: d["flavors"]["sklearn"].update(skops_trusted_types=["posix.system"]))
    assert any("system" in violation for violation in scan_folder(folder).violations)


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch /nonexistent/ran",)


def test_a_malicious_pickle_is_named_twice_once_by_each_scanner(tmp_path: Path) -> None:
    folder = save(tmp_path / "m", LogisticRegression(), "pickle")
    (folder / "model.pkl").write_bytes(pickle.dumps(Evil()))
    found = " ".join(scan_folder(folder).violations)
    assert "global posix.system" in found
    assert "known as dangerous: posix.system" in found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: (f / "evil.py").write_text("1"), "evil.py: an unknown file"),
        (lambda f: (f / ".hidden").write_text("1"), ".hidden: an unknown file"),
        (lambda f: (f / "README.md").symlink_to("/etc/passwd"), "README.md: a symbolic link"),
        (lambda f: os.mkfifo(f / "input_example.csv"), "not a plain file"),
        (lambda f: (f / "MLmodel").unlink(), "no MLmodel file"),
        (lambda f: (f / "MLmodel").write_text("a: [1"), "MLmodel: cannot be checked"),
        (lambda f: (f / "model.skops").write_bytes(b"PK"), "model.skops: a zip behind"),
        (
            lambda f: (f / "requirements.txt").write_text("--index-url http://evil\nnumpy"),
            "'--index-url http://evil' is not a plain name",
        ),
        (
            lambda f: (f / "requirements.txt").write_text("x @ http://evil/x.whl"),
            "names a URL",
        ),
        (
            lambda f: (f / "conda.yaml").write_text("channels: [http://evil]\ndependencies: []"),
            "channel 'http://evil'",
        ),
        (
            lambda f: (f / "conda.yaml").write_text("dependencies: [{pip: ['git+http://evil']}]"),
            "git+http://evil",
        ),
    ],
)
def test_anything_else_in_the_folder_is_a_violation(
    folder: Path, change: Callable[[Path], object], expected: str
) -> None:
    change(folder)
    assert any(expected in violation for violation in scan_folder(folder).violations)


def test_code_beside_the_model_is_refused(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "helper.py").write_text("x = 1")
    assert any("code/helper.py" in violation for violation in scan_folder(folder).violations)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda d: d["flavors"]["python_function"].update(loader_module="mlflow.pyfunc.model"),
            "loader_module 'mlflow.pyfunc.model'",
        ),
        (lambda d: d["flavors"]["python_function"].update(code="code"), "python_function.code"),
        (lambda d: d["flavors"]["sklearn"].update(code="code"), "sklearn.code"),
        (
            lambda d: d["flavors"]["sklearn"].update(pickled_model="../../etc/x"),
            "pickled_model '../../etc/x'",
        ),
        (
            lambda d: d["flavors"]["sklearn"].update(serialization_format="pickle"),
            "serialization_format 'pickle'",
        ),
        (lambda d: d["flavors"].update(pytorch={}), "flavor pytorch"),
        (lambda d: d.update(model_code_path="model.py"), "model_code_path"),
        (lambda d: d["flavors"]["python_function"].update(predict_fn="fit"), "predict_fn 'fit'"),
    ],
)
def test_an_mlmodel_that_loads_otherwise_is_refused(
    folder: Path, change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    edit(folder, change)
    assert any(expected in violation for violation in scan_folder(folder).violations)


def test_a_python_tag_in_the_catalogue_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: !!python/object/apply:os.system ['touch ran']")
    with pytest.raises(EvidenceError, match="expected valid YAML"):
        strict_yaml.read(path, EvidenceError)


@pytest.mark.parametrize(
    ("flavor", "loader"),
    [
        ("xgboost", "mlflow.xgboost"),
        ("lightgbm", "mlflow.lightgbm"),
        ("onnx", "mlflow.onnx"),
        ("pytorch", "mlflow.pytorch"),
        ("python_function", "mlflow.pyfunc.model"),
    ],
)
def test_authors_of_other_models_learn_which_libraries_can_pass(
    folder: Path, flavor: str, loader: str
) -> None:
    def change(document: dict[str, Any]) -> None:
        sklearn = document["flavors"].pop("sklearn")
        document["flavors"].setdefault(flavor, sklearn)
        document["flavors"]["python_function"]["loader_module"] = loader

    edit(folder, change)
    found = safety.safe_artifact(NoParams(), context(scan=scan_folder(folder)))
    assert found.score == 0.0
    assert "scikit-learn in pickle, cloudpickle or skops can pass; no other library" in found.fix


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to(path)],
    ids=["a pipe", "a link to a device", "a link to itself"],
)
def test_a_name_that_is_no_regular_file_is_not_opened(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "model.pkl")
    (problem,) = judge_model(tmp_path / "model.pkl")
    assert "where a file belongs" in problem
