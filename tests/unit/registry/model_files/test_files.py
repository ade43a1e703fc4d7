"""A name in a model folder that stands for no regular file is refused, not waited for."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable
from pathlib import Path

import mlflow.sklearn
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from registry.model_files import files
from registry.model_files.errors import FileRefusedError, MalformedError
from registry.model_files.rebuilding import judge_file, rebuild


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def lead(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_bytes(b"N.")
    path.symlink_to(target)


OTHERS: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a file": lead,
    "a link to itself": lambda path: path.symlink_to(path),
}
KINDS = pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS.keys())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns about its own type hints
        mlflow.sklearn.save_model(
            model, str(tmp_path / "model"), serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )  # fmt: skip
    return tmp_path / "model"


@pytest.mark.timeout(20)
@KINDS
@pytest.mark.parametrize("name", ["model.pkl", "model.skops"])
def test_a_model_file_that_is_none_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / name)
    judged = judge_file(tmp_path / name)
    assert judged.root is None
    assert "where a file belongs" in judged.problems[0]


@pytest.mark.timeout(20)
@KINDS
@pytest.mark.parametrize("name", ["model.pkl", "MLmodel"])
def test_a_folder_with_such_a_name_is_not_rebuilt(
    folder: Path, tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    (folder / name).unlink()
    make(folder / name)
    with pytest.raises(FileRefusedError, match="where a file belongs"):
        rebuild(folder, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert files.read(path, 5) == b"12345"
    with pytest.raises(MalformedError, match="larger than 4 bytes"):
        files.read(path, 4)


def test_a_socket_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    bind(Path("model.pkl"))
    with pytest.raises(OSError, match="No such device"):
        judge_file(tmp_path / "model.pkl")
