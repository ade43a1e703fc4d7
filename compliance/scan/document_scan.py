"""Checks that the documents beside a model hold only what MLflow writes for scikit-learn.

An allow-list of keys and values. Each document is read in bounded time and depth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from infra.errors import PlatformError
from registry.domain import plain_json
from registry.domain.signature import Signature
from registry.model_files import plain_yaml

MAX_TEXT_BYTES = 5_000_000
SHOWN_CHARACTERS = 100

_LOADER = "mlflow.sklearn"
_ENVIRONMENT = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
_EXAMPLES = ("input_example.json", "serving_input_example.json", "input_example.csv")
_FORMATS = {"model.pkl": {"pickle", "cloudpickle"}, "model.skops": {"skops"}}
_TOP = frozenset(
    {
        "artifact_path", "auth_policy", "databricks_runtime", "env_vars", "flavors",
        "is_signature_from_type_hint", "metadata", "mlflow_version", "model_id",
        "model_size_bytes", "model_uuid", "prompts", "resources", "run_id",
        "saved_input_example_info", "signature", "type_hint_from_example", "utc_time_created",
    }
)  # fmt: skip
"""What `mlflow.models.Model.to_dict` writes (3.17)."""
_FLAVORS = {
    "python_function": {"env", "loader_module", "model_path", "predict_fn", "python_version"},
    "sklearn": {
        "code", "pickled_model", "serialization_format", "sklearn_version", "skops_trusted_types",
    },
}  # fmt: skip
_CHANNELS = ("conda-forge", "defaults", "nodefaults")
_CONDA_KEYS = {"name", "channels", "dependencies"}
_PYTHON_KEYS = {"python", "build_dependencies", "dependencies"}
_CONDA_PIN = re.compile(r"[A-Za-z0-9_.-]+\s*([<>=!]=?[A-Za-z0-9_.*<>=!,| ]+)?")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,63}")
# pip takes a name that ends so for a file of the folder it runs in.
_ARCHIVES = (".whl", ".zip", ".tar", ".gz", ".bz2", ".xz", ".tgz")

Document = Mapping[str, Any]


def check(path: Path) -> Iterator[str]:
    """Yield what is wrong with one document; an error while checking is a violation."""
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            yield f"larger than {MAX_TEXT_BYTES} bytes"
        else:
            yield from _CHECKS.get(path.name, _nothing)(path)
    except PlatformError as err:
        yield f"cannot be checked ({err.message[:200]})"
    except Exception as err:
        yield f"cannot be checked ({type(err).__name__}: {str(err)[:200]})"


def _nothing(_path: Path) -> Iterator[str]:
    return iter(())


def _yaml(path: Path) -> Document:
    value = plain_yaml.read(path.read_bytes(), path.name)
    if not isinstance(value, dict):
        raise ValueError(f"expected a mapping, found {type(value).__name__}")
    return value


def _json(path: Path) -> Iterator[str]:
    plain_json.read(path.read_bytes(), path.name)
    return iter(())


def _meta(path: Path) -> Iterator[str]:
    _yaml(path)
    return iter(())


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _mlmodel(path: Path) -> Iterator[str]:
    document = _yaml(path)
    for key in sorted(map(str, document.keys() - _TOP)):
        yield f"{key[:SHOWN_CHARACTERS]}: not allowed"
    Signature.from_mlmodel(document)
    info = document.get("saved_input_example_info")
    if isinstance(info, dict):
        for key in ("artifact_path", "serving_input_path"):
            if info.get(key, _EXAMPLES[0]) not in _EXAMPLES:
                yield f"saved_input_example_info.{key} {_shown(info[key])}"
    elif info is not None:
        yield "saved_input_example_info is not a mapping"
    flavors = document.get("flavors")
    if not isinstance(flavors, dict):
        yield "names no flavors"
        return
    yield from _flavors(flavors)
    function, sklearn = flavors.get("python_function"), flavors.get("sklearn")
    if not isinstance(function, dict) or not isinstance(sklearn, dict):
        yield "expected the flavors python_function and sklearn"
        return
    yield from _function(function)
    yield from _sklearn(path.parent, sklearn)
    file = sklearn.get("pickled_model")
    if function.get("model_path", file) != file:
        yield f"model_path {_shown(function['model_path'])} (expected {_shown(file)})"


def _flavors(flavors: Mapping[Any, Any]) -> Iterator[str]:
    for flavor, config in flavors.items():
        known = _FLAVORS.get(str(flavor))
        if known is None:
            yield f"flavor {str(flavor)[:SHOWN_CHARACTERS]} (expected python_function and sklearn)"
        elif not isinstance(config, dict):
            yield f"flavor {flavor} is not a mapping"
        else:
            unknown = sorted(str(k) for k, v in config.items() if k not in known and v is not None)
            yield from (f"{flavor}.{key[:SHOWN_CHARACTERS]}: not allowed" for key in unknown)


def _function(function: Document) -> Iterator[str]:
    if function.get("loader_module") != _LOADER:
        yield f"loader_module {_shown(function.get('loader_module'))} (expected {_LOADER})"
    if function.get("predict_fn", "predict") not in ("predict", "predict_proba"):
        yield f"predict_fn {_shown(function['predict_fn'])} (expected predict)"
    env = function.get("env")
    names = env.items() if isinstance(env, dict) else [("conda", env)]
    if env is not None and any(_ENVIRONMENT.get(str(kind)) != name for kind, name in names):
        yield f"env {_shown(env)} (expected {_ENVIRONMENT})"
    yield from _version("python_version", function.get("python_version"))


def _sklearn(folder: Path, sklearn: Document) -> Iterator[str]:
    if sklearn.get("code"):
        yield "sklearn.code: models that bring code are not loaded"
    yield from _version("sklearn_version", sklearn.get("sklearn_version"))
    trusted = sklearn.get("skops_trusted_types")
    if trusted is not None and not _are_texts(trusted):
        yield f"skops_trusted_types {_shown(trusted)} (expected a list of names)"
    file = sklearn.get("pickled_model")
    if not isinstance(file, str) or file not in _FORMATS or not (folder / file).is_file():
        yield f"pickled_model {_shown(file)} (expected {' or '.join(_FORMATS)})"
        return
    found = sklearn.get("serialization_format")
    if not isinstance(found, str) or found not in _FORMATS[file]:
        yield f"serialization_format {_shown(found)} for {file}"


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _version(key: str, value: object) -> Iterator[str]:
    if value is not None and not _VERSION.fullmatch(str(value)):
        yield f"{key} {_shown(value)} is not a version"


def _requirements(path: Path) -> Iterator[str]:
    return _lines(path.read_bytes().decode().splitlines())


def _lines(lines: list[str]) -> Iterator[str]:
    for line in lines:
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            yield f"requirement {_shown(text)} is not a plain name and version"
            continue
        if requirement.url:
            yield f"requirement {_shown(text)} names a URL"
        if requirement.name.lower().endswith(_ARCHIVES):
            yield f"requirement {_shown(text)} names a file"


def _conda(path: Path) -> Iterator[str]:
    document = _yaml(path)
    yield from _unknown(document, _CONDA_KEYS)
    channels = document.get("channels") or []
    if not isinstance(channels, list):
        yield f"channels {_shown(channels)} are not a list"
    else:
        yield from (f"channel {_shown(name)}" for name in channels if name not in _CHANNELS)
    yield from _dependencies(document.get("dependencies"))


def _python_env(path: Path) -> Iterator[str]:
    document = _yaml(path)
    yield from _unknown(document, _PYTHON_KEYS)
    yield from _version("python", document.get("python"))
    yield from _dependencies(document.get("build_dependencies"))
    yield from _dependencies(document.get("dependencies"))


def _unknown(document: Document, known: set[str]) -> Iterator[str]:
    unknown = sorted(str(key)[:SHOWN_CHARACTERS] for key in document.keys() - known)
    return (f"{key}: not allowed" for key in unknown)


def _dependencies(entries: object) -> Iterator[str]:
    if entries is not None and not isinstance(entries, list):
        yield f"dependencies {_shown(entries)} are not a list"
        return
    for entry in entries or []:
        if isinstance(entry, dict):
            lines = entry.get("pip") or []
            if set(entry) != {"pip"} or not _are_texts(lines):
                yield f"dependencies {_shown(entry)}"
            else:
                yield from _lines(lines)
        elif entry != "-r requirements.txt" and not _CONDA_PIN.fullmatch(str(entry)):
            yield f"dependency {_shown(entry)} is not a plain name and version"


_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    "MLmodel": _mlmodel,
    "requirements.txt": _requirements,
    "conda.yaml": _conda,
    "python_env.yaml": _python_env,
    "input_example.json": _json,
    "serving_input_example.json": _json,
    "registered_model_meta": _meta,
}
