"""Calls the Linux kernel where Python 3.11 has no function for it.

Every function raises OSError with the kernel's own reason.
"""

from __future__ import annotations

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _AT_EMPTY_PATH = -100, 0x8000, 0x1000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63
_CAP_WAKE_ALARM = 35
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2

# The same on every architecture since they were added after the tables were unified.
MOUNT_SETATTR = 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def machine() -> str:
    """Return the name of the processor's architecture, e.g. `x86_64`."""
    return platform.machine()


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel. Integers are passed as 64-bit values, the rest as ctypes converts it."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide))


def unshare(flags: int) -> None:
    """Leave namespaces that this process shares with others."""
    _checked(_libc.unshare(flags))


def enter_namespace(fd: int, kind: int) -> None:
    """Join a namespace that an open file of `/proc/PID/ns` names."""
    _checked(_libc.setns(fd, kind))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount a file system, or change how one is mounted."""
    _checked(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() if data else None,
        )
    )


def make_read_only(target: str, *, recursive: bool, devices: bool = False) -> None:
    """Make a mount read-only, and those below it if asked; devices are disabled by default."""
    wanted = _ATTR_RDONLY | _ATTR_NOSUID | (0 if devices else _ATTR_NODEV)
    attributes = (ctypes.c_uint64 * 4)(wanted, 0, 0, 0)
    syscall(
        MOUNT_SETATTR,
        _AT_FDCWD,
        ctypes.c_char_p(target.encode()),
        _AT_RECURSIVE if recursive else 0,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def pivot_to(folder: str) -> None:
    """Make a mounted folder the root of the file system and detach the old root."""
    os.chdir(folder)
    here = ctypes.c_char_p(b".")
    syscall(_PIVOT_ROOT[machine()], here, here)
    _checked(_libc.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def unmount(target: str) -> None:
    """Detach a mount; it ends when its last user closes it."""
    _checked(_libc.umount2(target.encode(), _MNT_DETACH))


def has_own_pid_max() -> bool:
    """Whether each process namespace has a `pid_max` of its own: Linux 6.14 and later."""
    major, minor = platform.release().split(".")[:2]
    return (int(major), int("".join(c for c in minor if c.isdigit()) or 0)) >= (6, 14)


def die_with_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0))


def drop_capabilities() -> None:
    """Give up every capability, for good."""
    for capability in range(_LAST_CAPABILITY + 1):
        # Numbers beyond the kernel's last one are refused, and so is a caller that has none.
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(nothing)))


def keep_one_capability() -> None:
    """Keep one capability in every program that this process starts, for root and others alike.

    `CAP_WAKE_ALARM`, which means nothing in a user namespace; but no process without capabilities
    may look into or trace one that has any.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    _checked(_libc.capget(ctypes.byref(header), ctypes.byref(sets)))
    word, bit = divmod(_CAP_WAKE_ALARM, 32)
    sets[3 * word + 2] |= 1 << bit  # effective, permitted, inheritable; for each word
    _checked(_libc.capset(ctypes.byref(header), ctypes.byref(sets)))
    _checked(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_WAKE_ALARM, 0, 0))


def forbid_new_privileges() -> None:
    """Make sure that no program this process runs has more rights than it has."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_system_calls(program: bytes) -> None:
    """Install a seccomp filter, 8 bytes an instruction, on this thread and those it starts."""
    loaded = _Program(len(program) // 8, program)
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(loaded), 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
