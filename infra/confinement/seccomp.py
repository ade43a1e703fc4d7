"""Builds the seccomp filter: the system calls that no model needs answer with an error.

A list of what is refused, not of what is allowed: numeric libraries use too much of the kernel for
the latter to hold across versions. What matters is closed completely: making processes, reaching
others, opening or connecting sockets, mounting, io_uring (which passes seccomp by), kernel keys,
shared memory that no limit counts.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN, _AND = 0x20, 0x15, 0x45, 0x35, 0x06, 0x54
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE, _NO_SUCH_CALL = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000
_CLONE_THREAD = 0x10000
_MSG_FASTOPEN = 0x20000000
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPES = 1, 1, 0xF
_PR_SET_PDEATHSIG = 1
_SIGNALLING = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: the kernel then signals whom they name."""
_FORBIDDEN_IOCTLS = (0x5412, 0x541C, 0x40086602, 0x401C5820)
"""TIOCSTI, TIOCLINUX, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR."""
_FIRST_SOCKET_IOCTL, _AFTER_SOCKET_IOCTLS = 0x8901, 0x8A00

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The architectures that the filter knows: AUDIT_ARCH_* of `linux/audit.h`."""

# name: (x86_64, aarch64); None where the architecture has no such call.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171),
    "bind": (49, 200), "bpf": (321, 280), "chroot": (161, 51), "clock_adjtime": (305, 266),
    "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435), "connect": (42, 203),
    "delete_module": (176, 106), "execve": (59, 221), "execveat": (322, 281),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "finit_module": (313, 273),
    "fork": (57, None), "fsconfig": (431, 431), "fsmount": (432, 432), "fsopen": (430, 430),
    "fspick": (433, 433), "init_module": (175, 105), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "io_uring_setup": (425, 425), "ioperm": (173, None),
    "iopl": (172, None), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "kill": (62, 129),
    "lookup_dcookie": (212, 18), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "migrate_pages": (256, 238), "modify_ldt": (154, None), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239),
    "mq_open": (240, 180), "msgctl": (71, 187), "msgget": (68, 186), "msgrcv": (70, 188),
    "msgsnd": (69, 189), "name_to_handle_at": (303, 264), "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265), "open_tree": (428, 428), "perf_event_open": (298, 241),
    "fcntl": (72, 25), "inotify_add_watch": (254, 27), "ioctl": (16, 29),
    "ioprio_set": (251, 30), "personality": (135, 92), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pivot_root": (155, 41), "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "ptrace": (101, 117),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "reboot": (169, 142),
    "request_key": (249, 218), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "setpriority": (141, 140), "setpgid": (109, 154),
    "semctl": (66, 191), "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192),
    "sendmmsg": (307, 269), "sendmsg": (46, 211), "sendto": (44, 206),
    "setdomainname": (171, 162), "sethostname": (170, 161), "setns": (308, 268),
    "setsid": (112, 157),
    "settimeofday": (164, 170), "shmat": (30, 196), "shmctl": (31, 195), "shmget": (29, 194),
    "socket": (41, 198), "socketpair": (53, 199), "swapoff": (168, 225), "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131), "tkill": (200, 130), "umount2": (166, 39), "unshare": (272, 97),
    "chmod": (90, None), "chown": (92, None), "fchmod": (91, 52), "fchmodat": (268, 53),
    "fchmodat2": (452, 452), "fchown": (93, 55), "fchownat": (260, 54), "fremovexattr": (199, 16),
    "fsetxattr": (190, 7), "futimesat": (261, None), "lchown": (94, None),
    "lremovexattr": (198, 15), "lsetxattr": (189, 6), "removexattr": (197, 14),
    "setxattr": (188, 5), "setxattrat": (463, 463), "utime": (132, None), "utimensat": (280, 88),
    "utimes": (235, None),
    "uselib": (134, None), "userfaultfd": (323, 282), "vfork": (58, None), "vhangup": (153, 58),
}  # fmt: skip

_CONDITIONAL = frozenset(
    {"clone", "clone3", "execve", "execveat", "fcntl", "ioctl", "kill", "prctl", "prlimit64",
     "sched_setaffinity", "sendmmsg", "sendmsg", "sendto", "socketpair", "tgkill"}
)  # fmt: skip
"""Calls that have a rule of their own below, or that only some filters refuse."""


_ATTRIBUTES = frozenset(
    {"chmod", "chown", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fremovexattr",
     "fsetxattr", "futimesat", "inotify_add_watch", "lchown",
     "lremovexattr", "lsetxattr", "removexattr", "setxattr", "setxattrat", "utime",
     "utimensat", "utimes"}
)  # fmt: skip
"""What Landlock lets a process do with files that it may not read; an own root shows none."""


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
        may_run_programs: allow `execve`, for a launcher that still has to start its program.
        may_change_attributes: allow `chmod` and its like, where only its own files can be met.

    Commands of `fcntl` and `ioctl` that have the kernel signal others, list the machine's network
    or change a file's flags are refused; so is forgetting to die with the parent.
    """
    refused = set(NUMBERS) - _CONDITIONAL
    if may_change_attributes:
        refused -= _ATTRIBUTES
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
    program += _on(machine, "fcntl", _if_equal(1, *_SIGNALLING))
    program += _on(machine, "ioctl", [*_SOCKET_IOCTLS, *_if_equal(1, *_FORBIDDEN_IOCTLS)])
    program += _on(machine, "prctl", _if_equal(0, _PR_SET_PDEATHSIG))
    # TCP Fast Open connects without `connect`.
    for name, flags_argument in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        program += _on(machine, name, _if_any_bit(flags_argument, _MSG_FASTOPEN))
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
    return start


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
# FIOSETOWN, SIOCSPGRP and all that ask for or change network interfaces.
_SOCKET_IOCTLS = [
    _Instruction(_LOAD, _ARGUMENTS_AT + 8),
    _Instruction(_AT_LEAST, _AFTER_SOCKET_IOCTLS, 2, 0),
    _Instruction(_AT_LEAST, _FIRST_SOCKET_IOCTL, 0, 1),
    _Instruction(_RETURN, _REFUSE),
]
