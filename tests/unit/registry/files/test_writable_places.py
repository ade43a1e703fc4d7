"""Where clients may have the server keep their files: inside a root, and never among its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.settings import Settings
from registry.files.adapters.writable_places import require_location, require_writable
from registry.files.errors import LocationRefusedError

ALLOWED = {
    "the proxy": "mlflow-artifacts:/1",
    "a folder behind the proxy": "mlflow-artifacts:/teams/red",
    "the artifact root": "{root}/artifacts",
    "below it": "{root}/artifacts/teams/red",
    "a URI of it": "file://{root}/artifacts/x",
    "a short URI of it": "file:{root}/artifacts/x",
    "a further root": "{more}/x",
    "the proxy by a long URI": "mlflow-artifacts:///teams/red",
    "a bucket's prefix": "s3://bucket/models/x",
    "with a blank": "{more}/a b",
    "escaped": "{more}/a%20b",
    "by another name": "/proc/self/root{more}/x",
}
REFUSED = {
    "secrets": "{root}/secrets",
    "keys": "{root}/keys/x",
    "the constitution": "{root}/constitution",
    "model servers' models": "{root}/serving/models",
    "the storage root": "{root}",
    "a URI of the secrets": "file://{root}/secrets",
    "the secrets by another name": "/proc/self/root{root}/secrets",
    "out of the root": "{root}/artifacts/../secrets",
    "out of the root, escaped": "{root}/artifacts/%2e%2e/secrets",
    "out of the root, escaped twice": "{root}/artifacts/%252e%252e/secrets",
    "out of the proxy": "mlflow-artifacts:/../secrets",
    "out of the root by a link": "{more}/link",
    "what cannot be entered": "/proc/1/root/x",
    "no path": "/a\0b",
    "beside a root": "{more}-other/x",
    "home": "~/.config",
    "a home folder": "/root/.config/x",
    "the environment": sys.prefix,
    "the code": str(Path(__file__).parents[4] / "registry"),
    "relative": "x",
    "relative, dotted": "./x",
    "a relative URI": "file:x",
    "a URI of another machine": "file://host{root}/artifacts/x",
    "a URI of this machine's name": "file://localhost{root}/artifacts/x",
    "a URI with a slash more": "file:///{root}/artifacts/x",
    "a path with a slash more": "/{root}/artifacts/x",
    "the proxy of another server": "mlflow-artifacts://host/x",
    "the proxy of a broken address": "mlflow-artifacts://[x/y",
    "the proxy with a slash more": "mlflow-artifacts:////x",
    "no bucket": "s3:///models/x",
    "a broken bucket": "s3://[models/x",
    "in other capitals": "FILE://{root}/artifacts/x",
    "a blank in front": " {root}/artifacts/x",
    "with a query": "{root}/artifacts/x?a=b",
    "with a fragment": "{root}/artifacts/x#a",
    "a line's end": "{root}/artifacts/x\n",
    "another bucket": "s3://other/models",
    "beside a prefix": "s3://bucket/models-other",
    "a whole bucket": "s3://bucket",
    "another server": "http://127.0.0.1:1/api/2.0/mlflow-artifacts/artifacts/x",
    "another store": "gs://bucket/x",
    "a file system of others": "dbfs:/x",
    "a shared folder": "ftp://host/x",
    "the whole machine": "/",
    "nothing but a colon": ":",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("root/artifacts", "root/secrets", "more", "more-other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "more" / "link").symlink_to(tmp_path / "root" / "secrets")
    return made(tmp_path, f"{tmp_path / 'more'}, s3://bucket/models")


def made(folder: Path, roots: str, **more: str) -> Settings:
    values = {"MLOPS_STORAGE_ROOT": str(folder / "root"), "ACGS_ARTIFACT_ROOTS": roots, **more}
    return Settings.read(values)


def spelled(settings: Settings, location: str) -> str:
    root = settings.storage_root
    return location.format(root=root, more=root.parent / "more")


@pytest.mark.parametrize("name", ALLOWED)
def test_a_location_inside_a_root_is_taken(settings: Settings, name: str) -> None:
    require_location(settings, spelled(settings, ALLOWED[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_a_location_elsewhere_is_refused(settings: Settings, name: str) -> None:
    with pytest.raises(LocationRefusedError, match="ACGS_ARTIFACT_ROOTS"):
        require_location(settings, spelled(settings, REFUSED[name]))


@pytest.mark.parametrize("own", ["secrets", "keys", "run", "serving/models", "registry.db", ""])
def test_our_own_folders_are_refused_though_a_root_is_around_them(tmp_path: Path, own: str) -> None:
    for settings in (
        made(tmp_path, str(tmp_path)),
        made(tmp_path, "", ACGS_ARTIFACT_ROOT=str(tmp_path)),
        made(tmp_path, str(tmp_path / "root")),
    ):
        place = settings.storage_root / own
        with pytest.raises(LocationRefusedError):
            require_location(settings, str(place))
        with pytest.raises(LocationRefusedError):
            require_writable(settings, f"file:{place}")


def test_the_constitution_and_the_evidence_are_refused_wherever_they_are(tmp_path: Path) -> None:
    settings = made(
        tmp_path, str(tmp_path),
        ACGS_CONSTITUTION=str(tmp_path / "rules" / "c.yaml"),
        ACGS_EVIDENCE=str(tmp_path / "data" / "e.yaml"),
    )  # fmt: skip
    for own in ("rules/c.yaml", "data", "data/holdout.csv"):
        with pytest.raises(LocationRefusedError):
            require_writable(settings, f"file:{tmp_path / own}")
    require_writable(settings, f"file:{tmp_path / 'other'}")


@pytest.mark.parametrize("place", ["s3://other/x", "proxy:x"])
def test_only_places_of_this_machine_are_judged_when_they_are_written_to(
    settings: Settings, place: str
) -> None:
    require_writable(settings, place)
