"""Builds the file system that a confined process sees."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from infra.confinement import kernel
from infra.confinement.plan import SCRATCH, Means, Mount, Plan

_STAGE = "/tmp"  # noqa: S108 (covered by a new file system before anything is put there)
_ROOT_BYTES = 1_000_000
_ENTRIES = 4096
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (a link in the new root)


def build_root(plan: Plan) -> None:
    """Make the plan's mounts the whole file system of this process's mount namespace.

    Raises:
        OSError: the kernel refuses a step.
    """
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # Opened before the stage covers them: a mount's source may lie below the stage.
    opened = [(mount, os.open(mount.source, os.O_PATH)) for mount in _plain(plan.mounts)]
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", _STAGE, "tmpfs", flags, f"size={_ROOT_BYTES},mode=0755")
    # Before the mounts, some of which may lie below it.
    scratch = _staged(SCRATCH)
    scratch.mkdir(parents=True, exist_ok=True)
    options = f"size={plan.limits.scratch_bytes},nr_inodes={_ENTRIES},mode=0700"
    kernel.mount("tmpfs", str(scratch), "tmpfs", flags | kernel.MS_NOEXEC, options)
    for mount in plan.mounts:
        if mount.source.is_symlink() and mount.source == mount.target:
            _link(mount)
    for mount, fd in opened:
        _bind(mount, fd)
        os.close(fd)
    # Semaphores of libraries live there; so they count as scratch.
    _staged(_SHARED_MEMORY).symlink_to(SCRATCH)
    _limit_processes(plan)
    kernel.make_read_only(_STAGE, recursive=False)
    kernel.pivot_to(_STAGE)


def _limit_processes(plan: Plan) -> None:
    """Limit processes and threads in this process namespace, root's too.

    Linux 6.14 and later keep `pid_max` for each namespace. `/proc` is shown for no longer than it
    takes to write it: a model has no use for it.
    """
    if Means.PROCESS_NAMESPACE not in plan.means:
        return
    folder = _staged(Path("/proc"))
    folder.mkdir(exist_ok=True)
    with suppress(OSError):  # a container may forbid the mount, an older kernel the write
        kernel.mount("proc", str(folder), "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
        try:
            # Never the whole machine's, which an older kernel has under the same name.
            if kernel.has_own_pid_max():
                (folder / "sys/kernel/pid_max").write_text(str(plan.limits.threads))
        finally:
            kernel.unmount(str(folder))


def _plain(mounts: tuple[Mount, ...]) -> list[Mount]:
    return [m for m in mounts if not (m.source.is_symlink() and m.source == m.target)]


def _staged(target: Path) -> Path:
    return Path(_STAGE) / target.relative_to("/")


def _link(mount: Mount) -> None:
    # Such as /lib -> usr/lib, whose target is mounted itself.
    place = _staged(mount.target)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(os.readlink(mount.source))


def _bind(mount: Mount, fd: int) -> None:
    place = _staged(mount.target)
    source = f"/proc/self/fd/{fd}"
    if os.path.isdir(source):
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    kernel.mount(source, str(place), None, kernel.MS_BIND | kernel.MS_REC)
    # A device is written to even so; what cannot be changed is its mode, owner and dates.
    is_device = mount.source.parent == Path("/dev")
    kernel.make_read_only(str(place), recursive=True, devices=is_device)
