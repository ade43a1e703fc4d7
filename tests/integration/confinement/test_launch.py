"""The launcher beside a confined server: what it passes on, keeps back, and takes with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

import infra
from infra.confinement.enter import FAILED_EXIT
from infra.confinement.launch import OUTPUT_BYTES, READY_FD, Launch, launch_command
from infra.confinement.plan import MODEL, Limits, Means, Mount, Plan, python_mounts
from infra.confinement.probe import available
from infra.confinement.system_calls import NEWEST

READY = f"import os, signal, time; os.write({READY_FD}, b'ready\\n');"
INFRA = Path(infra.__file__).parent
WAIT_SECONDS = 20.0
WITHOUT_NAMESPACES = frozenset({Means.LANDLOCK, Means.SECCOMP, Means.LIMITS})
LAYERS = {"all": frozenset(Means), "no namespaces": WITHOUT_NAMESPACES}


def until(true: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < limit, what
        time.sleep(0.02)


@contextlib.contextmanager
def launched(
    folder: Path, program: str, *more: Mount, environment: Mapping[str, str] | None = None,
    means: frozenset[Means] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    plan = Plan(
        means=available() if means is None else means,
        mounts=(*python_mounts(Path(sys.executable), [INFRA]), Mount(folder, MODEL), *more),
        scratch=Path("/unused"),
        limits=Limits(memory_bytes=2_000_000_000, file_bytes=1_000_000),
        may_run_programs=True,
    )
    launch = Launch(plan, Path(sys.executable), program, (), {"GREETING": "hello"}, (INFRA,))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            launch_command(launch, folder / "it.ready"),
            stdout=log, stderr=log, start_new_session=True, env=environment or {},
        )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def log(folder: Path) -> str:
    return (folder / "log").read_text()


def test_a_server_that_is_ready_gets_a_ready_file_with_its_port(tmp_path: Path) -> None:
    with launched(tmp_path, READY + "time.sleep(60)") as process:
        until((tmp_path / "it.ready").exists, "ready")
        found = json.loads((tmp_path / "it.ready").read_text())
    assert found["pid"] == process.pid
    assert 0 < found["port"] < 65536


def test_it_gets_the_environment_that_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    with launched(tmp_path, "import os; print(sorted(os.environ))") as process:
        assert process.wait(WAIT_SECONDS) == 0
    assert log(tmp_path).strip() == "['GREETING', 'HOME', 'LC_CTYPE', 'PYTHONPATH', 'TMPDIR']"


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(3)", 3),
        ("import os; os.abort()", 128 + signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", 128 + signal.SIGKILL),
    ],
)
def test_the_launcher_ends_as_its_server_ended(tmp_path: Path, program: str, code: int) -> None:
    with launched(tmp_path, program) as process:
        assert process.wait(WAIT_SECONDS) == code


def test_sigterm_reaches_a_server_that_is_ready(tmp_path: Path) -> None:
    program = READY + "signal.signal(15, lambda *_: os._exit(7)); time.sleep(60)"
    with launched(tmp_path, program) as process:
        until((tmp_path / "it.ready").exists, "ready")
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 7


def test_sigterm_ends_a_server_that_is_still_starting(tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(15, signal.SIG_IGN); print('on', flush=True);"
    with launched(tmp_path, program + "time.sleep(60)") as process:
        until(lambda: "on" in log(tmp_path), "started")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 128 + signal.SIGKILL


SHEDDING = {
    "nothing": "",
    "a second thread tries to run a program": """
import sys, threading
def run():
    try: os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {})
    except OSError: pass
second = threading.Thread(target=run)
second.start(); second.join()
""",
    "the first thread ends, another goes on": """
import ctypes, platform, threading
threading.Thread(target=time.sleep, args=(60,)).start()
def end():
    time.sleep(0.2); os.write(4, b"ready")
threading.Thread(target=end).start()
ctypes.CDLL(None).syscall({"x86_64": 60}.get(platform.machine(), 93), 0)
""",
}


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("before", SHEDDING)
def test_a_server_ends_with_its_launcher_however_that_ends(
    before: str, layers: str, tmp_path: Path
) -> None:
    program = "import os, time\n" + SHEDDING[before] + "\n" + READY + "time.sleep(60)"
    with launched(tmp_path, program, means=LAYERS[layers]) as process:
        until((tmp_path / "it.ready").exists, "ready")
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.send_signal(signal.SIGKILL)
        process.wait()
        until(lambda: not any(child.is_running() for child in family), f"{family} ended")


@pytest.mark.parametrize("layers", LAYERS)
def test_a_server_starts_no_other_program_from_its_first_line_on(
    layers: str, tmp_path: Path
) -> None:
    program = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'print(1 + 1)'])"
    with launched(tmp_path, program, means=LAYERS[layers]) as process:
        assert process.wait(WAIT_SECONDS) == 1
    assert log(tmp_path).splitlines()[-1] == "PermissionError: [Errno 1] Operation not permitted"


def test_the_first_process_of_a_namespace_lets_nobody_look_into_it(tmp_path: Path) -> None:
    program = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
assert os.getpid() != 1
found = ctypes.c_void_p()
look = {"x86_64": 274}.get(os.uname().machine, 100)  # get_robust_list: as much right as a look
arguments = ctypes.byref(found), ctypes.byref(ctypes.c_size_t())
assert libc.syscall(look, os.getpid(), *arguments) == 0
for name, done in {
    "look": libc.syscall(look, 1, *arguments),
    "trace": libc.ptrace(0x4206, 1, 0, 0),
}.items():
    print(name, done, os.strerror(ctypes.get_errno()))
"""
    namespaces = frozenset(Means) - WITHOUT_NAMESPACES | {Means.LIMITS}
    with launched(tmp_path, program, means=namespaces) as process:
        assert process.wait(WAIT_SECONDS) == 0
    refused = [f"{name} -1 Operation not permitted" for name in ("look", "trace")]
    assert log(tmp_path).splitlines() == refused


def test_calls_newer_than_the_filter_knows_do_not_exist(tmp_path: Path) -> None:
    program = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
found = [(libc.syscall(n, -1, 0, 0, 0, 0, 0), ctypes.get_errno()) for n in range({NEWEST + 1}, 600)]
print(set(found) == {{(-1, errno.ENOSYS)}})
"""
    with launched(tmp_path, program) as process:
        assert process.wait(WAIT_SECONDS) == 0
    assert log(tmp_path).strip() == "True"


def test_output_beyond_the_limit_is_dropped_and_holds_up_nobody(tmp_path: Path) -> None:
    program = "import os\nfor _ in range(300): os.write(1, b'x' * 100_000)"
    with launched(tmp_path, program) as process:
        assert process.wait(WAIT_SECONDS) == 0
    text = log(tmp_path)
    assert OUTPUT_BYTES < len(text) < OUTPUT_BYTES + 1000
    assert text.rstrip().endswith("[the server wrote more than is kept; the rest is dropped]")


def test_a_server_that_cannot_be_confined_says_why_and_runs_nothing(tmp_path: Path) -> None:
    gone = Mount(tmp_path / "gone", Path("/gone"))
    with launched(tmp_path, "print('ran')", gone) as process:
        assert process.wait(WAIT_SECONDS) == FAILED_EXIT
    assert "could not be confined: " in log(tmp_path)
    assert "ran" not in log(tmp_path)


@pytest.mark.parametrize("layers", LAYERS)
def test_a_server_that_leaves_a_deep_folder_leaves_nothing_on_the_disk(
    layers: str, tmp_path: Path
) -> None:
    program = """
import os
os.chdir(os.environ["TMPDIR"])
for _ in range(2000):
    os.mkdir("d"); os.chdir("d")
"""
    left = tmp_path / "left"
    left.mkdir()
    where = {"TMPDIR": str(left)}
    with launched(tmp_path, program, environment=where, means=LAYERS[layers]) as process:
        assert process.wait(WAIT_SECONDS) == 0, log(tmp_path)
    assert list(left.iterdir()) == []


def test_a_killed_launcher_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with launched(tmp_path, READY + "time.sleep(60)", environment={"TMPDIR": str(left)}) as process:
        until((tmp_path / "it.ready").exists, "ready")
        process.kill()
        process.wait()
    assert list(left.iterdir()) == []
