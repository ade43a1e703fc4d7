"""Copies a model folder, with a model file that the platform writes itself."""

from __future__ import annotations

import gc
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from registry.errors import ArtifactError
from registry.model_files import files, plain_yaml
from registry.model_files.errors import FileRefusedError, MalformedError
from registry.model_files.judge import judge
from registry.model_files.nodes import Instance
from registry.model_files.pickle_reader import Problems, read_pickle
from registry.model_files.skops_reader import read_skops
from registry.model_files.writer import write

MODEL_FILES = {"model.pkl": read_pickle, "model.skops": read_skops}
MAX_MODEL_BYTES = 1_000_000_000
# As in `limits.MAX_TEXT_CHARACTERS`: no honest description comes near.
MAX_DOCUMENT_BYTES = 10_000_000
# Beside the model file and MLmodel. Nothing else of the author's folder is copied.
COPIED_TEXTS = (
    "requirements.txt", "conda.yaml", "python_env.yaml", "input_example.json",
    "serving_input_example.json",
)  # fmt: skip
_HINT = (
    "log the fitted scikit-learn estimator with mlflow.sklearn.log_model; "
    "docs/reference/model-files.md lists what is understood"
)


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """What a model file contains.

    Attributes:
        root: the estimator, or None if it was refused.
        problems: why it was refused; empty when every value was understood.
    """

    root: Instance | None
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A copy that is safe to load.

    Attributes:
        folder: where it lies.
        estimator: module and name of its class.
        model_bytes: size of the file that was written.
    """

    folder: Path
    estimator: str
    model_bytes: int


def judge_file(path: Path) -> JudgedFile:
    """Read and judge one model file by its name; never raises because of its contents.

    Raises:
        OSError: it cannot be read.
        KeyError: no model file has this name.
    """
    problems = Problems()
    reader = MODEL_FILES[path.name]
    try:
        data = files.read(path, MAX_MODEL_BYTES)
    except MalformedError as err:
        return JudgedFile(None, (str(err),))
    # The collector would look through all values again and again while they are made, which took
    # up to four times as long as reading them.
    gc.disable()
    try:
        root = reader(memoryview(data), problems)
        if not problems:
            judge(root, problems)
    finally:
        gc.enable()
    if problems or not isinstance(root, Instance):
        return JudgedFile(None, problems.lines() or ("no estimator",))
    return JudgedFile(root, ())


def rebuild(folder: Path, target: Path) -> Rebuilt:
    """Write a loadable copy of an MLflow model folder from its judged values alone.

    What `judge_file` accepts can be rebuilt: pickle, cloudpickle and skops all become a plain
    pickle, and MLmodel says so. Predictions are bit for bit those of the original.

    Args:
        folder: as MLflow saved it; read once, not changed.
        target: is created and must not exist.

    Raises:
        FileRefusedError: the model file or MLmodel holds something that is not understood.
        OSError: a file cannot be read or written.
    """
    document = _document(folder)
    function, sklearn = (_flavor(document, name) for name in ("python_function", "sklearn"))
    name = sklearn.get("pickled_model")
    if name not in MODEL_FILES or function.get("loader_module") != "mlflow.sklearn":
        raise _refused(f"a model of mlflow.sklearn in {' or '.join(MODEL_FILES)}", f"{name!r}")
    judged = judge_file(folder / name)
    if judged.root is None:
        raise _refused("a model file of plain values", "; ".join(judged.problems[:3]))
    target.mkdir(parents=True)
    for text in COPIED_TEXTS:
        source = folder / text
        if source.is_file() and not source.is_symlink():
            shutil.copyfile(source, target / text)
    try:
        with (target / "model.pkl").open("xb") as file:
            write(judged.root, file)
    except RecursionError as err:
        raise _refused("a model file of plain values", "nested too deeply") from err
    function["model_path"] = sklearn["pickled_model"] = "model.pkl"
    sklearn["serialization_format"] = "pickle"
    sklearn.pop("skops_trusted_types", None)
    sklearn.pop("code", None)
    function.pop("code", None)
    (target / "MLmodel").write_text(yaml.safe_dump(document, sort_keys=False))
    return Rebuilt(target, judged.root.label, (target / "model.pkl").stat().st_size)


def _document(folder: Path) -> dict[str, Any]:
    path = folder / "MLmodel"
    try:
        document = plain_yaml.read(files.read(path, MAX_DOCUMENT_BYTES), "MLmodel")
    except MalformedError as err:
        raise _refused("an MLmodel in YAML", str(err)) from err
    except (yaml.YAMLError, UnicodeDecodeError, ArtifactError) as err:
        raise _refused("an MLmodel in YAML", type(err).__name__) from err
    if not isinstance(document, dict):
        raise _refused("an MLmodel that is a mapping", type(document).__name__)
    return document


def _flavor(document: dict[str, Any], name: str) -> dict[str, Any]:
    flavors = document.get("flavors")
    found = flavors.get(name) if isinstance(flavors, dict) else None
    if not isinstance(found, dict):
        raise _refused("the flavors python_function and sklearn", f"no {name}")
    return found


def _refused(expected: str, found: str) -> FileRefusedError:
    return FileRefusedError(f"expected {expected}, found {found}", hint=_HINT)
