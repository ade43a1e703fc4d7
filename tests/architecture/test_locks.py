from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[2]
REQUIREMENTS = CLONE / "requirements"
LOCKS = ("bootstrap", "platform", "dev", "serving", "servers")
SHARED = ("numpy", "pandas", "scipy", "scikit-learn", "skops", "cloudpickle", "mlflow-skinny")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((REQUIREMENTS / f"{lock}.txt").read_text()):
        found.setdefault(normal(name), set()).add(version)
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(lines: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line.strip()) for line in lines)
    return {normal(match[0]) for match in found if match}


@pytest.mark.parametrize("library", SHARED)
def test_models_meet_the_same_libraries_where_they_are_made_and_where_they_serve(
    library: str,
) -> None:
    made, served = pins("platform")[library], pins("serving")[library]
    assert len(made) == 1
    assert made == served


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_hashes_every_pin(lock: str) -> None:
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    assert "://" not in text
    assert "--index-url" not in text
    requirements = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert [r for r in requirements if PIN.match(r) and "--hash=sha256:" not in r] == []


def test_what_the_package_requires_is_what_the_lock_was_made_for() -> None:
    config = configparser.ConfigParser()
    config.read(CLONE / "setup.cfg")
    required = names(config["options"]["install_requires"].splitlines())
    asked = names((REQUIREMENTS / "platform.in").read_text().splitlines())
    assert required == asked
    assert asked <= set(pins("platform"))


@pytest.mark.parametrize("library", [name for name in SHARED if name != "mlflow-skinny"])
def test_an_installed_wheel_makes_models_with_the_libraries_that_serve_them(library: str) -> None:
    config = configparser.ConfigParser()
    config.read(CLONE / "setup.cfg")
    required = map(PIN.match, config["options"]["install_requires"].split())
    pinned = {pin[2] for pin in required if pin and normal(pin[1]) == library}
    assert pinned == pins("serving")[library]


def test_dev_and_platform_agree_where_they_overlap() -> None:
    platform, dev = pins("platform"), pins("dev")
    assert {name: dev[name] for name in platform.keys() & dev.keys()} == {
        name: platform[name] for name in platform.keys() & dev.keys()
    }
