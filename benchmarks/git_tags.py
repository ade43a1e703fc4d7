"""Measures git tags beside gto: one registration and assignment among 1,000 versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.report import Row, Target, ratio
from registry.domain.values import Stage
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk
from tests.support.gto import gto, shown

VERSIONS = 1000
OURS = 20
THEIRS = 3
AT_MOST = 0.05
_WHAT = f"register + assign, {VERSIONS:,} versions"


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Fill a registry and its repository, give gto a copy of it, and let both do the same."""
    # Nobody's own configuration of git takes part, and gto has no hooks to run.
    os.environ.update({"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"})
    desk = Desk(folder / "root", kit.bare(folder / "models.git"))
    for _ in range(VERSIONS):
        desk.register()
    desk.sync()
    peer = folder / "peer.git"
    shutil.copytree(desk.repository, peer)
    passes = [_pass(desk) for _ in range(effort.count(OURS))]
    commands = [_command(desk) for _ in range(effort.count(OURS) // 3)]
    theirs = [_gto(peer, number) for number in range(THEIRS)]
    made = shown(desk.repository, kit.NAME)
    require(
        len(made) == VERSIONS + len(passes) + len(commands)
        and list(made.values()).count(["prod"]) > 1,
        "gto to read every tag that was made",
        len(made),
    )
    return [
        Row(f"{_WHAT}: the role, from event to tag", "ms", tuple(passes)),
        Row(f"{_WHAT}: acgs git sync, a process", "ms", tuple(commands)),
        Row(f"{_WHAT}: gto register, gto assign", "ms", tuple(theirs)),
        ratio(f"{_WHAT}: the role", passes, theirs, target=Target(AT_MOST)),
        # For information: most of it is a Python process that starts.
        ratio(f"{_WHAT}: acgs git sync", commands, theirs),
    ]


def _act(desk: Desk) -> None:
    desk.move(desk.register(), Stage.PRODUCTION)


def _pass(desk: Desk) -> float:
    """Return the milliseconds in which the role makes the tags of what just happened."""
    _act(desk)
    tags = desk.tags
    began = time.monotonic()
    tags.follow(desk.now)
    made = tags.write(desk.now).made
    milliseconds = (time.monotonic() - began) * 1000
    require(made == 2, "two tags", made)
    return milliseconds


def _command(desk: Desk) -> float:
    """Return the milliseconds of a whole process that does so, and compares every tag as well."""
    _act(desk)
    command = [sys.executable, "-m", "infra", "--storage-root", str(desk.root), "git", "sync"]
    environment = {**os.environ, "ACGS_GIT_REPOSITORY": str(desk.repository)}
    began = time.monotonic()
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    milliseconds = (time.monotonic() - began) * 1000
    require("made 2 tags" in outcome.stdout, "two tags", outcome.stdout + outcome.stderr)
    return milliseconds


def _gto(repository: Path, number: int) -> float:
    """Return the milliseconds of gto's two commands; a commit for them is not counted."""
    tree = kit.git(repository, "rev-parse", f"{kit.NAME}@v1.0.0^{{tree}}")
    commit = kit.git(repository, "commit-tree", tree, "-m", f"train {number}")
    version = f"v9.{number}.0"
    began = time.monotonic()
    gto(repository, "register", kit.NAME, commit, "--version", version, environment=kit.PERSON)
    gto(
        repository,
        "assign",
        kit.NAME,
        "--version",
        version,
        "--stage",
        "prod",
        environment=kit.PERSON,
    )
    return (time.monotonic() - began) * 1000


BENCHMARK = Benchmark("git", "git tags of a registration and a promotion, beside gto", run)
