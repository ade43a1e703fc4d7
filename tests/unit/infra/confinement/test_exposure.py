"""What models are shown never holds what they must not see."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.confinement.exposure import ExposedError, overlaps, private_paths, refuse_exposed
from infra.confinement.plan import Mount, python_mounts
from infra.settings import Settings
from registry.artifacts.settings import ArtifactSettings
from registry.settings import RegistrySettings
from serving.engines.local.confined import confined_runtime

SETTINGS = {
    "storage_root": Settings(storage_root=Path("/usr/local/acgs")),
    "constitution": Settings().having(
        RegistrySettings(constitution=Path("/usr/share/acgs/constitution.yaml"))
    ),
    "evidence": Settings().having(
        RegistrySettings(evidence=Path("/usr/share/acgs/catalogue.yaml"))
    ),
    "artifact_root": Settings(artifact_root="/usr/local/artifacts"),
    "artifact_replica": Settings().having(ArtifactSettings(replica="file:///usr/local/replica")),
    "artifact_roots": Settings().having(
        RegistrySettings(artifact_roots="s3://bucket/a,/usr/local/artifacts")
    ),
    "database_url": Settings(database_url="sqlite:////usr/local/registry.db"),
    "python": Settings(storage_root=Path(sys.prefix) / "lib" / "acgs"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_private_may_lie_below_what_models_are_shown(name: str) -> None:
    mounts = python_mounts(Path(sys.executable), ())
    with pytest.raises(ExposedError, match="where no model can read it, found it below"):
        refuse_exposed(private_paths(SETTINGS[name]), mounts)


def test_a_deployer_does_not_start_where_servers_would_be_shown_something_private() -> None:
    with pytest.raises(ExposedError):
        confined_runtime(SETTINGS["storage_root"], frozenset())


def test_links_are_resolved_on_both_sides(tmp_path: Path) -> None:
    shown, link, root = tmp_path / "shown", tmp_path / "link", tmp_path / "root"
    (shown / "inner").mkdir(parents=True)
    link.symlink_to(shown)
    root.symlink_to(shown / "inner")
    for private, mount in ((root, shown), (shown / "inner", link), (root, link)):
        with pytest.raises(ExposedError):
            refuse_exposed([private], [Mount(mount, mount)])
    refuse_exposed([tmp_path / "elsewhere"], [Mount(link, link)])


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [(".", True), ("root", True), ("root/secrets", True), ("link", True), ("libraries", False)],
)
def test_a_folder_of_libraries_is_compared_in_both_directions(
    path: str, is_refused: bool, tmp_path: Path
) -> None:
    (tmp_path / "root" / "secrets").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "root" / "secrets")
    assert overlaps(tmp_path / path, [tmp_path / "root"]) is is_refused
