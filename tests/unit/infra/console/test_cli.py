from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from infra import component, errors
from infra.component import CommandEntry, Component, Section
from infra.console import cli
from infra.console.lazy import LazyGroup, load
from infra.identity.current import current_caller


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path / "root"))


def group_with(action: Callable[[], object]) -> click.Group:
    group = click.Group("acgs")
    group.add_command(click.Command("do", callback=action))
    return group


def raising(error: BaseException) -> click.Group:
    def action() -> None:
        raise error

    return group_with(action)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RefusedError("no", hint="ask again"), 1),
        (errors.UsageError("what?"), 2),
        (errors.SettingsError("bad"), 2),
        (errors.NotFoundError("where?"), 2),
        (errors.UnavailableError("down"), 3),
        (errors.ConflictError("moved"), 3),
    ],
)
def test_a_platform_error_becomes_its_exit_code_and_two_lines_on_stderr(
    error: errors.PlatformError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["do"], raising(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"error [{error.code}]: {error.message}"
    assert ("what to do: ask again" in err) == (error.hint is not None)


@pytest.mark.parametrize("command", ["model list", "status", "health", "prepare", "up"])
def test_the_home_of_nobody_is_no_storage_root_to_any_command(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", "~nobody-of-this-name/x")
    assert cli.invoke(command.split()) == 2
    assert "error [infra.settings_invalid]" in capsys.readouterr().err


def test_an_error_under_an_unknown_root_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", "~nobody-of-this-name/x")
    monkeypatch.chdir(tmp_path)
    assert cli.invoke(["do"], raising(RuntimeError("cheese"))) == 3
    assert "error [infra.unexpected]: RuntimeError: cheese" in capsys.readouterr().err


def test_an_unexpected_error_is_one_line_that_names_the_log_with_the_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["do"], raising(ValueError("odd\nsecond line"))) == 3
    err = capsys.readouterr().err
    log = tmp_path / "root" / "logs" / "cli.log"
    assert err == f"error [infra.unexpected]: ValueError: odd (the traceback is in {log})\n"
    assert "Traceback" in log.read_text()


def test_an_unexpected_error_without_a_writable_root_still_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path / "file" / "root"))
    assert cli.invoke(["do"], raising(ValueError("odd"))) == 3
    assert "run again with --debug" in capsys.readouterr().err


def test_ctrl_c_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["do"], raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_wrong_usage_exits_2_even_where_click_would_exit_1() -> None:
    assert cli.invoke(["do", "--what"], raising(ValueError())) == 2
    assert cli.invoke(["do"], raising(click.ClickException("plain"))) == 2
    assert cli.invoke(["undo"], raising(ValueError())) == 2


def test_a_command_chooses_its_exit_code_through_its_context() -> None:
    def leave() -> None:
        click.get_current_context().exit(3)

    assert cli.invoke(["do"], group_with(leave)) == 3
    assert cli.invoke(["do"], group_with(lambda: True)) == 0


say_root = click.Command("do", callback=lambda: click.echo(os.environ["MLOPS_STORAGE_ROOT"]))
no_command = "text"


def entry(name: str) -> CommandEntry:
    return CommandEntry(name, f"What {name} does.", f"{__name__}:{name}")


def test_the_storage_root_flag_reaches_children_through_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, Component("toy", commands=[entry("say_root")]))
    assert cli.invoke(["--storage-root", str(tmp_path / "other"), "say_root"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'other'}\n"


def install(monkeypatch: pytest.MonkeyPatch, *installed: Component) -> None:
    monkeypatch.setattr(component, "components", lambda: installed)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (CommandEntry("bad", "Fails.", "cheese.shop:bad"), "No module named 'cheese'"),
        (entry("no_function"), "has no attribute 'no_function'"),
        (entry("no_command"), "expected a click command, found str"),
    ],
)
def test_a_command_that_cannot_be_loaded_fails_alone_and_says_why(
    broken: CommandEntry,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install(monkeypatch, Component("toy", commands=[entry("say_root"), broken]))
    assert cli.invoke(["say_root"]) == 0
    assert cli.invoke(["--help"]) == 0
    assert broken.summary in capsys.readouterr().out
    assert cli.invoke([broken.name]) == 3
    assert told in capsys.readouterr().err


def test_two_components_that_offer_one_name_are_both_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, *(Component(name, commands=[entry("do")]) for name in ("one", "two")))
    assert cli.invoke(["--help"]) == 3
    assert "found 'one' and 'two'" in capsys.readouterr().err


def lazy_groups(group: click.Command, path: str = "acgs") -> Iterator[tuple[str, LazyGroup]]:
    if isinstance(group, click.Group):
        if isinstance(group, LazyGroup):
            yield path, group
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield from lazy_groups(command, f"{path} {name}")


def test_help_says_of_a_command_what_the_command_says_of_itself() -> None:
    groups = dict(lazy_groups(cli.acgs))
    assert {"acgs", "acgs version"} <= groups.keys()
    for path, group in groups.items():
        for name, promised in group.entries().items():
            command = load(promised)
            assert (name, promised.summary, command.hidden) == (
                command.name,
                command.get_short_help_str(limit=999),
                False,
            ), path


def commands(group: click.Group, path: str = "acgs") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def test_the_short_help_of_every_command_fits_its_line() -> None:
    for path, command in commands(cli.acgs):
        said = command.short_help or ""
        assert 0 < len(said) <= 45, path
        assert said[0].isupper(), path
        assert not said.endswith("."), path


def test_help_lists_every_command_below_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    titles = [f"{section.value}:" for section in Section if section is not Section.OTHER]
    assert [line for line in lines if line in titles] == titles
    assert f"{Section.OTHER.value}:" not in lines, "every command has a section"
    listed = {line.split()[0] for line in lines[lines.index(titles[0]) :] if line[:2] == "  "}
    assert listed == set(cli.acgs.list_commands(click.Context(cli.acgs)))


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word, each on a line with its kind."""
    environment = {
        **os.environ,
        "_ACGS_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["acgs", *words]),
        "COMP_CWORD": str(len(words)),
    }
    code = "import sys; from infra.console.cli import main; sys.argv = ['acgs']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_shell_completes_commands_and_options() -> None:
    assert completed("comp") == ["plain,completion", "plain,compliance"]
    assert completed("version", "ya") == ["plain,yank"]
    assert completed("version", "show", "--js") == ["plain,--json"]
    assert completed("completion", "") == ["plain,bash", "plain,zsh", "plain,fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_code_for_the_shell(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["completion", shell]) == 0
    assert f"_ACGS_COMPLETE={shell}_complete" in capsys.readouterr().out


def write_to(path: str) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(b"x")


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (lambda: Path("/nonexistent/x.html").write_text(""), "cannot use /nonexistent/x.html: No"),
        (lambda: write_to("/dev/full"), "No space left on device"),
        (lambda: Path("/proc/acgs").mkdir(), "cannot use /proc/acgs: "),
    ],
)
def test_what_the_file_system_refuses_is_told_with_its_path_and_what_to_do(
    action: Callable[[], object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.invoke(["do"], group_with(action)) == 3
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("error [infra.unavailable]: cannot use ")
    assert told in first
    assert "what to do: " in second


def test_a_file_system_without_room_or_right_to_write_is_no_unexpected_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert cli.invoke(["do"], raising(full)) == 3
    assert f"cannot use {tmp_path / 'root'}: No space left" in capsys.readouterr().err
    readonly = OSError(errno.EROFS, "Read-only file system", "/mnt/disc/run")
    assert cli.invoke(["do"], raising(readonly)) == 3
    assert "cannot use /mnt/disc/run: Read-only file system" in capsys.readouterr().err
    assert cli.invoke(["do"], raising(OSError(errno.ENOENT, "No such file"))) == 3
    assert "infra.unexpected" in capsys.readouterr().err


def test_an_error_of_another_process_keeps_its_exit_code() -> None:
    assert cli.invoke(["do"], raising(errors.ReportedError("a.b", "no", None, 2))) == 2


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["status"], ["health"]])
def test_a_reader_that_has_enough_is_no_refusal(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "infra", *words],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("command", "caller"), [("run", None), ("look", "alice@cli")])
def test_a_command_acts_for_its_user_but_a_server_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, caller: str | None
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "alice")
    seen = []

    @click.command()
    def toy() -> None:
        found = current_caller()
        seen.append(found.actor if found else None)

    monkeypatch.setattr(cli.ComponentGroup, "get_command", lambda *_given: toy)
    assert cli.invoke([command]) == 0
    assert seen == [caller]
