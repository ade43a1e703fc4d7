"""Builds the seccomp filter, by which system calls that no model needs fail with an error.

A list of what is refused, not of what is allowed: numeric libraries use too much of the kernel for
the latter to hold across versions. What matters is closed completely: making processes, reaching
others, opening or connecting sockets, mounting, io_uring (which passes seccomp by), kernel keys,
memory that no limit counts, and whatever is newer than the list.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from infra.confinement.system_calls import ATTRIBUTES, CONDITIONAL, NEWEST, NUMBERS

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN, _AND = 0x20, 0x15, 0x45, 0x35, 0x06, 0x54
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE, _NO_SUCH_CALL = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000
_CLONE_THREAD = 0x10000
_MSG_FASTOPEN = 0x20000000
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPES = 1, 1, 0xF
_PR_SET_PDEATHSIG = 1
_FORBIDDEN_FCNTLS = (8, 10, 15, 1024, 1026, 1031)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: the kernel then signals whom they name. F_SETLEASE, F_NOTIFY:
hold up and watch those who write a file. F_SETPIPE_SZ: memory that no limit counts."""
_SOCKET_OPTIONS = {1: (2, 9), 6: (1,)}
"""All that a server sets: SO_REUSEADDR, SO_KEEPALIVE and TCP_NODELAY. No sizes of buffers, which
no limit counts, and no filters."""
_FORBIDDEN_IOCTLS = (0x5412, 0x541C, 0x40086602, 0x401C5820)
"""TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR."""
_FIRST_SOCKET_IOCTL, _AFTER_SOCKET_IOCTLS = 0x8901, 0x8A00

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The architectures that the filter knows: AUDIT_ARCH_* of `linux/audit.h`."""


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    k: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.k)


def supported(machine: str) -> bool:
    """Whether a filter can be built for an architecture."""
    return machine in ARCHITECTURES


def build(
    machine: str, own_pid: int, *, may_run_programs: bool, may_change_attributes: bool
) -> bytes:
    """Build the filter for one process.

    Args:
        machine: the architecture, as `platform.machine()` names it.
        own_pid: of the process that will be filtered, as it sees itself; it may signal itself.
        may_run_programs: allow `execve`, for a launcher that still has to start its program; the
            program itself closes it by `build_seal`.
        may_change_attributes: allow `chmod` and its like, where only its own files can be met, and
            others read-only.

    Commands of `fcntl` and `ioctl` that have the kernel signal others, hold up others, list the
    machine's network or change a file's flags are refused; so is forgetting to die with the parent.
    """
    refused = set(NUMBERS) - CONDITIONAL
    if may_change_attributes:
        refused -= ATTRIBUTES
    if not may_run_programs:
        refused |= {"execve", "execveat"}
    program = [*_prologue(machine)]
    for name in sorted(refused):
        program += _on(machine, name, [_Instruction(_RETURN, _REFUSE)])
    # glibc falls back to clone, whose flags a filter can read.
    program += _on(machine, "clone3", [_Instruction(_RETURN, _NO_SUCH_CALL)])
    program += _on(machine, "clone", _unless_any_bit(0, _CLONE_THREAD))
    for name in ("kill", "tgkill"):
        program += _on(machine, name, _unless_equal(0, own_pid))
    for name in ("prlimit64", "sched_setaffinity"):
        program += _on(machine, name, _unless_equal(0, 0, own_pid))
    program += _on(machine, "socketpair", _STREAMS_ONLY)
    program += _on(machine, "setsockopt", _OPTIONS_OF_A_SERVER)
    program += _on(machine, "fcntl", _if_equal(1, *_FORBIDDEN_FCNTLS))
    program += _on(machine, "ioctl", [*_SOCKET_IOCTLS, *_if_equal(1, *_FORBIDDEN_IOCTLS)])
    program += _on(machine, "prctl", _if_equal(0, _PR_SET_PDEATHSIG))
    # TCP Fast Open connects without `connect`.
    for name, flags_argument in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        program += _on(machine, name, _if_any_bit(flags_argument, _MSG_FASTOPEN))
    program.append(_Instruction(_RETURN, _ALLOW))
    return b"".join(instruction.packed() for instruction in program)


def build_seal(machine: str) -> bytes:
    """Build the filter that a started program adds, which forbids starting another."""
    program = [*_prologue(machine)]
    for name in ("execve", "execveat"):
        program += _on(machine, name, [_Instruction(_RETURN, _REFUSE)])
    program.append(_Instruction(_RETURN, _ALLOW))
    return b"".join(instruction.packed() for instruction in program)


def _prologue(machine: str) -> Sequence[_Instruction]:
    start = [
        _Instruction(_LOAD, _ARCHITECTURE_AT),
        _Instruction(_EQUAL, ARCHITECTURES[machine], 1, 0),
        _Instruction(_RETURN, _KILL),
        _Instruction(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        start += [_Instruction(_AT_LEAST, _X32_BIT, 0, 1), _Instruction(_RETURN, _REFUSE)]
    newer = [_Instruction(_AT_LEAST, NEWEST + 1, 0, 1), _Instruction(_RETURN, _NO_SUCH_CALL)]
    return [*start, *newer]


def _on(machine: str, name: str, then: list[_Instruction]) -> list[_Instruction]:
    number = NUMBERS[name][list(ARCHITECTURES).index(machine)]
    if number is None:
        return []
    return [_Instruction(_EQUAL, number, 0, len(then)), *then]


def _unless_any_bit(argument: int, bits: int) -> list[_Instruction]:
    return _tested(argument, _ANY_BIT, [bits], found=_ALLOW, otherwise=_REFUSE)


def _unless_equal(argument: int, *values: int) -> list[_Instruction]:
    return _tested(argument, _EQUAL, values, found=_ALLOW, otherwise=_REFUSE)


def _if_any_bit(argument: int, bits: int) -> list[_Instruction]:
    return _tested(argument, _ANY_BIT, [bits], found=_REFUSE, otherwise=_ALLOW)


def _if_equal(argument: int, *values: int) -> list[_Instruction]:
    return _tested(argument, _EQUAL, values, found=_REFUSE, otherwise=_ALLOW)


def _tested(
    argument: int, code: int, values: Sequence[int], *, found: int, otherwise: int
) -> list[_Instruction]:
    # The low half: both architectures are little-endian, and every value compared is an int.
    block = [_Instruction(_LOAD, _ARGUMENTS_AT + 8 * argument)]
    for value in values:
        block += [_Instruction(code, value, 0, 1), _Instruction(_RETURN, found)]
    return [*block, _Instruction(_RETURN, otherwise)]


# A pair of datagram sockets could send to any address; the flags beside the type do not matter.
_STREAMS_ONLY = [
    _Instruction(_LOAD, _ARGUMENTS_AT + 8),
    _Instruction(_AND, _SOCK_TYPES),
    _Instruction(_EQUAL, _SOCK_STREAM, 1, 0),
    _Instruction(_RETURN, _REFUSE),
    *_unless_equal(0, _AF_UNIX),
]
_OPTIONS_OF_A_SERVER = [_Instruction(_LOAD, _ARGUMENTS_AT + 8)]
for _level, _options in _SOCKET_OPTIONS.items():
    _rule = _unless_equal(2, *_options)
    _OPTIONS_OF_A_SERVER += [_Instruction(_EQUAL, _level, 0, len(_rule)), *_rule]
_OPTIONS_OF_A_SERVER.append(_Instruction(_RETURN, _REFUSE))
# FIOSETOWN, SIOCSPGRP and all that ask for or change network interfaces.
_SOCKET_IOCTLS = [
    _Instruction(_LOAD, _ARGUMENTS_AT + 8),
    _Instruction(_AT_LEAST, _AFTER_SOCKET_IOCTLS, 2, 0),
    _Instruction(_AT_LEAST, _FIRST_SOCKET_IOCTL, 0, 1),
    _Instruction(_RETURN, _REFUSE),
]
