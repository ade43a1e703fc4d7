"""Says whether a model's folder holds only what a plain scikit-learn model needs.

An allow-list of file names, `MLmodel` keys and requirement lines; the model file itself is read
into values, and every value is judged (`registry.model_files`). Nothing in the folder is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement

from compliance.rules.facts import Scan
from registry.model_files.rebuilding import MAX_MODEL_BYTES, MODEL_FILES, judge_file

MAX_FILES = 64
MAX_TEXT_BYTES = 5_000_000
# Known bad names are looked for in refused files alone, and only where that takes no time.
_MAX_SECOND_OPINION_BYTES = 100_000

_TEXTS = frozenset(
    {
        "MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json",
        "serving_input_example.json", "input_example.csv", "registered_model_meta", "README.md",
        "model_card.md", "estimator.html",
    }
)  # fmt: skip
_LOADER = "mlflow.sklearn"
_FLAVORS = {
    "python_function": {"env", "loader_module", "model_path", "predict_fn", "python_version"},
    "sklearn": {
        "code", "pickled_model", "serialization_format", "sklearn_version", "skops_trusted_types",
    },
}  # fmt: skip
_FORMATS = {"model.pkl": {"pickle", "cloudpickle"}, "model.skops": {"skops"}}
_CHANNELS = {"conda-forge", "defaults", "nodefaults"}
_CONDA_PIN = re.compile(r"^[A-Za-z0-9_.-]+\s*([<>=!]=?[A-Za-z0-9_.*<>=!,| ]+)?$")


def scan_folder(folder: Path) -> Scan:
    """Check every file; an error while checking is a violation."""
    found: list[str] = []
    files = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found.append(f"{name}: a symbolic link")
        elif path.is_file():
            files += 1
            found += [f"{name}: {problem}" for problem in _file(name, path)]
        elif not path.is_dir():
            found.append(f"{name}: not a plain file")
        if files > MAX_FILES:
            found.append(f"more than {MAX_FILES} files")
            break
    if not (folder / "MLmodel").is_file():
        found.append("no MLmodel file")
    return Scan(tuple(found), files)


def _file(name: str, path: Path) -> Iterator[str]:
    is_model = name in MODEL_FILES
    limit = MAX_MODEL_BYTES if is_model else MAX_TEXT_BYTES
    if not is_model and name not in _TEXTS:
        yield "an unknown file" if "/" not in name else "an unknown file (code is not loaded)"
        return
    if path.stat().st_size > limit:
        yield f"larger than {limit} bytes"
        return
    try:
        if is_model:
            yield from judge_model(path)
            return
        data = path.read_bytes()
        if name == "MLmodel":
            yield from _mlmodel(path.parent, data)
        elif name == "requirements.txt":
            yield from _requirements(data.decode().splitlines())
        elif name in {"conda.yaml", "python_env.yaml"}:
            yield from _environment(yaml.safe_load(data))
    except Exception as err:
        yield f"cannot be checked ({type(err).__name__}: {str(err)[:200]})"


def judge_model(path: Path) -> Iterator[str]:
    """Yield why a model file is refused."""
    problems = judge_file(path).problems
    yield from problems
    small = path.stat().st_size <= _MAX_SECOND_OPINION_BYTES
    if problems and small and path.suffix == ".pkl":
        yield from _second_opinion(path)


def _second_opinion(path: Path) -> Iterator[str]:
    """Ask picklescan, whose list of known bad names tells people more than "not allowed"."""
    from picklescan.scanner import SafetyLevel, scan_file_path

    for found in scan_file_path(str(path)).globals:
        if found.safety is SafetyLevel.Dangerous:
            yield f"known as dangerous: {found.module}.{found.name}"


def _mlmodel(folder: Path, data: bytes) -> Iterator[str]:
    document = yaml.safe_load(data)
    flavors = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(flavors, dict):
        yield "names no flavors"
        return
    for flavor, config in flavors.items():
        known = _FLAVORS.get(str(flavor))
        if known is None:
            yield f"flavor {flavor} (expected python_function and sklearn)"
        elif not isinstance(config, dict):
            yield f"flavor {flavor} is not a mapping"
        else:
            unknown = sorted(str(k) for k, v in config.items() if k not in known and v is not None)
            yield from (f"{flavor}.{key}: not allowed" for key in unknown)
    yield from _loaders(folder, flavors)
    for key in ("model_code_path", "model_code_paths", "code"):
        if document.get(key):
            yield f"{key}: models made of code are not loaded"


def _loaders(folder: Path, flavors: Mapping[str, Any]) -> Iterator[str]:
    function, sklearn = flavors.get("python_function"), flavors.get("sklearn")
    if not isinstance(function, dict) or not isinstance(sklearn, dict):
        yield "expected the flavors python_function and sklearn"
        return
    if function.get("loader_module") != _LOADER:
        yield f"loader_module {function.get('loader_module')!r} (expected {_LOADER})"
    if sklearn.get("code"):
        yield "sklearn.code: models that bring code are not loaded"
    if function.get("predict_fn", "predict") not in {"predict", "predict_proba"}:
        yield f"predict_fn {function['predict_fn']!r} (expected predict)"
    file = sklearn.get("pickled_model")
    if file not in _FORMATS or not (folder / str(file)).is_file():
        yield f"pickled_model {file!r} (expected {' or '.join(_FORMATS)})"
        return
    if function.get("model_path", file) != file:
        yield f"model_path {function['model_path']!r} (expected {file})"
    if sklearn.get("serialization_format") not in _FORMATS[str(file)]:
        yield f"serialization_format {sklearn.get('serialization_format')!r} for {file}"


def _requirements(lines: list[str]) -> Iterator[str]:
    for line in lines:
        text = line.split("#", 1)[0].strip() if not line.startswith("#") else ""
        if not text:
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield f"requirement {text!r} is not a plain name and version"
            continue
        if requirement.url:
            yield f"requirement {text!r} names a URL"


def _environment(document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "not a mapping"
        return
    for channel in document.get("channels") or []:
        if channel not in _CHANNELS:
            yield f"channel {channel!r}"
    entries = [*(document.get("dependencies") or []), *(document.get("build_dependencies") or [])]
    for entry in entries:
        if isinstance(entry, dict):
            if set(entry) != {"pip"}:
                yield f"dependencies {sorted(entry)}"
            yield from _requirements([str(line) for line in entry.get("pip") or []])
        elif entry != "-r requirements.txt" and not _CONDA_PIN.match(str(entry)):
            yield f"dependency {entry!r} is not a plain name and version"
