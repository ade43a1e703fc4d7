"""Builds the command that starts a model server confined to its own files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.confinement.exposure import overlaps, private_paths, refuse_exposed
from infra.confinement.launch import READY_FD, SOCKET_FD, Launch, launch_command
from infra.confinement.plan import MODEL, SCRATCH, Limits, Means, Mount, Plan, python_mounts
from infra.settings import Settings
from registry.settings import RegistrySettings
from serving.engines.local.engine import Command
from serving.engines.local.engine import Launch as ServerLaunch
from serving.engines.local.environment import ServingEnvironmentError, runtime_root, serving_python

OPEN_FILES = 700
"""Connections of one server, of which the gateway opens 64 for each, and the files that libraries
open. It also bounds what no limit of memory counts, the buffers of pairs of sockets; and the kernel
counts open files that are on their way through sockets by user: 700 and one message's 253 leave the
platform's own processes room below their usual 1,024."""
SCRATCH_BYTES = 256_000_000
"""What a server may write, besides its rewriting of the model's file."""
PACKAGES = ("serving", "registry", "infra")
"""The code that `serving.runtime` needs; the last two to rewrite the model's file, and `infra` to
close the way to other programs first."""
_PROGRAM = "import runpy; runpy.run_module('serving.runtime', run_name='__main__', alter_sys=True)"
# Only what a Python process needs.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


def confined_runtime(settings: Settings, means: frozenset[Means]) -> Command:
    """Return the function that builds the command of a confined `serving.runtime`.

    Raises:
        ExposedError: something private lies below what every server is shown.
    """
    with suppress(ServingEnvironmentError):  # raised when a server is to be started
        _shown(settings, serving_python(settings))

    def command(launch: ServerLaunch) -> Sequence[str]:
        python = serving_python(settings)
        plan = server_plan(settings, means, python, launch.model_folder)
        environment = {k: os.environ[k] for k in _INHERITED if k in os.environ}
        words = _arguments(launch, plan)
        started = Launch(plan, python, _PROGRAM, words, environment, _packages())
        return launch_command(started, launch.ready_file)

    return command


def server_plan(
    settings: Settings, means: frozenset[Means], python: Path, model_folder: Path
) -> Plan:
    """Return what one model server may see and use."""
    scratch_bytes = SCRATCH_BYTES + 2 * _size_bytes(model_folder)
    return Plan(
        means=means,
        mounts=(*_shown(settings, python), Mount(model_folder, MODEL)),
        scratch=SCRATCH,
        limits=Limits(
            memory_bytes=settings.of(RegistrySettings).model_memory_bytes,
            file_bytes=scratch_bytes,
            scratch_bytes=scratch_bytes,
            open_files=OPEN_FILES,
        ),
        may_run_programs=True,
    )


def _shown(settings: Settings, python: Path) -> tuple[Mount, ...]:
    """Return the mounts that every server sees, besides its model."""
    private = private_paths(settings)
    shown = python_mounts(python, _packages())
    refuse_exposed(private, shown)
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    further = [
        Mount(Path(text), Path(text))
        for text in libraries
        # Never a folder that holds the platform's own, or lies in it.
        if Path(text).is_absolute() and not overlaps(Path(text), private)
    ]
    return (*shown, *further)


def _packages() -> tuple[Path, ...]:
    return tuple(runtime_root() / name for name in PACKAGES)


def _size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*"))


def _arguments(launch: ServerLaunch, plan: Plan) -> list[str]:
    version = launch.predictor.version
    return [
        "--model-path", str(plan.inside(launch.model_folder)),
        "--socket-fd", str(SOCKET_FD),
        "--ready-fd", str(READY_FD),
        "--model-name", version.name,
        "--model-version", version.semver,
        # Metrics keep this label for the server's whole life, past its promotion.
        "--predictor", f"v{version.semver}",
        "--deployment-name", launch.deployment.name,
        "--namespace", launch.deployment.namespace,
    ]  # fmt: skip
