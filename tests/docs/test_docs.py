"""The documentation says what the code says."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from infra import signing
from infra.component import roles
from infra.configuration import known_settings
from infra.console.cli import acgs
from infra.errors import PlatformError
from tests.docs import cli_pages, code_facts, generate, tables
from tests.docs.code_facts import ROOT

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = list(generate.pages())
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|\.\.\.|…|ROLE")


def read(page: str) -> str:
    return (REFERENCE / page).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_generated_parts_are_up_to_date(page: Path) -> None:
    text = page.read_text("utf-8")
    assert generate.rendered(text) == text, "run: make docs"


def test_every_generated_part_is_on_some_page() -> None:
    used = [name for page in PAGES for name in generate.blocks_in(page.read_text("utf-8"))]
    assert sorted(used) == sorted(generate.BLOCKS)


def test_every_setting_is_documented() -> None:
    text = read("settings.md")
    assert [name for name in known_settings() if f"`{name}`" not in text] == []


def test_every_command_and_option_has_help() -> None:
    silent = []
    for path, command in cli_pages.walk():
        if not (command.help or "").strip():
            silent.append(path)
        silent += [f"{path} {o.opts[0]}" for o in cli_pages.options(command) if not o.help]
    assert silent == []


def test_every_command_is_documented() -> None:
    text = read("cli.md")
    assert [path for path, _ in cli_pages.walk() if f"`{path}`" not in text] == []


def test_every_error_code_is_documented() -> None:
    text = read("errors.md")
    codes = {kind.code for kind in code_facts.error_classes(ROOT)}
    assert len(codes) > 30
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_the_events_page_lists_exactly_the_types_that_the_code_records() -> None:
    listed = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", read("events.md"), re.MULTILINE))
    assert listed == code_facts.event_types(ROOT)


def test_every_role_and_entry_point_is_documented() -> None:
    text = read("components.md")
    assert [name for name in roles() if f"`{name}`" not in text] == []
    for group in tables.entry_point_groups():
        names = [name for name, _ in tables.entry_points_of(group)]
        assert names, group
        assert [name for name in names if f"`{name}`" not in text] == []


def test_every_group_of_entry_points_is_documented() -> None:
    groups = re.findall(r"^([a-z_.]+) =$", _section("options.entry_points"), re.MULTILINE)
    assert sorted(groups) == sorted(tables.entry_point_groups())


def _section(name: str) -> str:
    text = (ROOT / "setup.cfg").read_text("utf-8")
    return text.split(f"[{name}]\n", 1)[1].split("\n[", 1)[0]


@pytest.mark.parametrize(
    "file",
    ["registry/plugin/routes.py", "compliance/judging/receiver.py", "serving/runtime/app.py"],
)
def test_every_route_is_documented(file: str) -> None:
    text = read("http.md")
    paths = code_facts.paths(ROOT / file) - {"/infer"}
    assert paths
    assert [path for path in sorted(paths) if f"{path}`" not in text] == []


def test_every_direct_dependency_is_listed_with_licence_use_and_reason() -> None:
    text = (DOCS / "dependencies.md").read_text("utf-8")
    for file in sorted((ROOT / "requirements").glob("*.in")):
        part = text.split(f"(`requirements/{file.name}`)\n", 1)[1].split("\n## ", 1)[0]
        rows = re.findall(r"^\| `([\w.-]+)` \|(.*)\|$", part, re.MULTILINE)
        assert [name for name, _ in rows] == list(_required(file)), file.name
        for name, rest in rows:
            assert all(cell.strip() for cell in rest.split("|")), name


def _required(file: Path) -> Iterator[str]:
    for line in file.read_text("utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text and not text.startswith("-"):
            yield re.split(r"[=<>~!;\[ ]", text)[0]


def test_make_targets_in_the_documentation_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^ {4}|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
        assert set(named) <= targets, page
    assert {"demo", "test"} <= set(re.findall(r"make ([a-z]+)", _readme())) <= targets


def _readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    text = _FENCE.sub("", page.read_text("utf-8"))
    targets = [found["target"] for found in _LINK.finditer(text)]
    local = [t.split("#")[0] for t in targets if "://" not in t and not t.startswith("#")]
    assert [t for t in local if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page.read_text("utf-8"))
    assert [name for name in named if not _lies_in_a_package(name)] == []


@pytest.mark.parametrize("page", [ROOT / "CONTRIBUTING.md", DOCS / "explanation" / "layout.md"])
def test_folders_that_the_maps_of_the_code_name_exist(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+)`", page.read_text("utf-8"))
    assert named
    assert [name for name in named if not _lies_in_a_package(name)] == []


def _lies_in_a_package(name: str) -> bool:
    """Rooms are named from their package on, and parts of any room from that room on."""
    tops = [ROOT, *(ROOT / package for package in code_facts.PACKAGES)]
    anywhere = name.split("/")[0] in {"adapters", "domain"}
    return any((top / name).exists() for top in tops) or (
        anywhere and any(ROOT.glob(f"*/*/{name}"))
    )


def test_every_page_can_be_reached_from_the_index() -> None:
    index = DOCS / "README.md"
    reached = {(DOCS / f["target"]).resolve() for f in _LINK.finditer(index.read_text("utf-8"))}
    missing = [p for p in DOCS.rglob("*.md") if p != index and p.resolve() not in reached]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_acgs_commands_in_the_documentation_exist(page: Path) -> None:
    text = re.sub(r"\\\n\s*", " ", generate.handwritten(page.read_text("utf-8")))
    lines = re.findall(r"^(?: {4,}|\$ )(acgs [^#\n]+)", text, re.MULTILINE)
    lines += re.findall(r"`(acgs [^`\n]+)`", text)
    wrong = [line for line in lines if not _is_a_command(line)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_acgs_commands_that_people_copy_have_the_arguments_they_need(page: Path) -> None:
    text = re.sub(r"\\\n\s*", " ", generate.handwritten(page.read_text("utf-8")))
    lines = re.findall(r"^(?: {4,}|\$ )(acgs [^#\n]+)", text, re.MULTILINE)
    assert [(line, wrong) for line in lines if (wrong := _what_click_says(line))] == []


def _what_click_says(line: str) -> str:
    """What is wrong with a line, read as it would be run; empty where nothing is."""
    words = shlex.split(re.split(r"\s(?:\||>+|&)", line)[0])[1:]
    command: click.Command = acgs
    context = click.Context(acgs, info_name="acgs")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    if isinstance(command, click.Group):
        return ""
    try:
        command.make_context(str(command.name), words)
    except (click.ClickException, PlatformError) as err:
        said = err.format_message() if isinstance(err, click.ClickException) else str(err)
        return "" if "does not exist" in said else said
    except click.exceptions.Exit:
        pass  # --help
    return ""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("acgs promote credit 1.0.0", "expected NAME@VERSION, found 'credit'"),
        ("acgs promote credit@1.0.0 --to Nowhere", "is not one of"),
        ("acgs version diff credit@1.0.0", "Missing argument"),
        ("acgs version show credit@1.0.0 now", "unexpected extra argument"),
        ("acgs version shew credit@1.0.0", "no command shew"),
        ("acgs audit log --name credit >trail.txt", ""),
    ],
)
def test_a_wrong_line_is_seen(line: str, told: str) -> None:
    said = _what_click_says(line)
    assert (told in said) if told else said == ""


def _is_a_command(line: str) -> bool:
    words = shlex.split(line.split(" | ")[0].split(" > ")[0])[1:]
    command: click.Command = acgs
    known: set[str] = {"-h", "--help", *_spellings(acgs)}
    for word in words:
        if word.startswith("-"):
            if word not in known:
                return False
        elif isinstance(command, click.Group) and not _PLACEHOLDER.fullmatch(word):
            if command is acgs and _takes_value(words, word):
                continue
            found = command.get_command(click.Context(command), word)
            if found is None:
                return False
            command = found
            known |= set(_spellings(found))
    return True


def _takes_value(words: list[str], word: str) -> bool:
    at = words.index(word)
    return at > 0 and words[at - 1] == "--storage-root"


def _spellings(command: click.Command) -> list[str]:
    return [spelling for option in command.params for spelling in option.opts]


def test_the_webhook_page_verifies_what_the_platform_signs() -> None:
    page = (DOCS / "how-to" / "add-a-webhook.md").read_text("utf-8")
    code = page.split("```python\n", 1)[1].split("```", 1)[0]
    scope: dict[str, object] = {}
    exec(code, scope)  # the page's own example
    verified = scope["verified"]
    assert callable(verified)
    now = int(time.time())
    headers = signing.signed_headers("a shared secret", "id-1", now, b"{}")
    assert verified("a shared secret", headers, b"{}") == "id-1"
    with pytest.raises(ValueError, match="signature"):
        verified("another secret", headers, b"{}")
    both = signing.signed_headers("the old secret", "id-1", now, b"{}", next_secret="the new one")
    assert verified("the old secret", both, b"{}") == verified("the new one", both, b"{}") == "id-1"
    stale = signing.signed_headers("a shared secret", "id-1", now - 301, b"{}")
    with pytest.raises(ValueError, match="old"):
        verified("a shared secret", stale, b"{}")


def test_the_readmes_notebook_code_compiles() -> None:
    blocks = re.findall(r"```python\n(.*?)```", _readme(), re.DOTALL)
    assert blocks
    for block in blocks:
        compile(block, "README.md", "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_place_on_somebodys_machine(page: Path) -> None:
    found = re.findall(r"(?:/home/|/Users/|/root/|/tmp/)\S*", page.read_text("utf-8"))
    assert found == []
