"""Files and keys prove a log on any machine, and any change of them is found and named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.note import KeyKind, Note, SigningKey
from registry.audit.merkle.domain.tree import Frontier, leaf_hashes
from tests.integration.registry.audit.kit import Desk, Shell

EVENTS = 9


def lines_of(folder: Path) -> list[str]:
    _first, path = log_files.segments(folder)[0]
    return path.read_text().splitlines()


def write_lines(folder: Path, lines: list[str]) -> None:
    _first, path = log_files.segments(folder)[0]
    path.write_text("".join(f"{line}\n" for line in lines))


def rewrite(change: Callable[[list[str]], object]) -> Callable[[Path], None]:
    def done(folder: Path) -> None:
        lines = lines_of(folder)
        change(lines)
        write_lines(folder, lines)

    return done


def swap(lines: list[str]) -> None:
    lines[2], lines[5] = lines[5], lines[2]


def alter(lines: list[str]) -> None:
    lines[4] = lines[4].replace("alice", "bob")


def alter_and_delete(lines: list[str]) -> None:
    alter(lines)
    del lines[6]


def forge_numbers(lines: list[str]) -> None:
    """Delete an entry and give those after it the numbers of their places."""
    del lines[3]
    for place in range(3, len(lines)):
        fields = json.loads(lines[place])
        fields["sequence"] = place
        lines[place] = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    lines.append(lines[-1].replace('"sequence":7', '"sequence":8'))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "alter": (rewrite(alter), r"event 4 of the log \(number 4, uid .* is the first that differs"),
    "delete": (rewrite(lambda lines: lines.pop(3)), r"event 3 of the log is the first .*number 4,"),
    "swap": (rewrite(swap), r"event 2 of the log is the first that differs .*found number 5,"),
    "insert": (
        rewrite(lambda lines: lines.insert(1, lines[0])),
        r"event 1 of the log is the first that differs",
    ),
    "alter and delete": (rewrite(alter_and_delete), r"event 4 of the log \(number 4"),
    "delete and number again": (rewrite(forge_numbers), r"event 3 of the log \(number 3"),
    "truncate": (rewrite(lambda lines: lines.pop()), r"found 8: event 8 is the first .* missing"),
    "empty": (rewrite(lambda lines: lines.clear()), r"found 0: event 0 is the first .* missing"),
    "no entries": (
        lambda folder: shutil.rmtree(folder / "entries"),
        r"found 0: event 0 is the first that is missing",
    ),
    "no checkpoint": (
        lambda folder: (folder / "checkpoint").unlink(),
        r"expected a checkpoint in .*, found no such file",
    ),
    "a missing file of entries": (
        lambda folder: log_files.segments(folder)[0][1].rename(
            folder / "entries" / log_files.segment_name(5)
        ),
        r"expected a file with entry 0 next, found 000000000000005.jsonl",
    ),
    "a larger checkpoint": (
        lambda folder: (folder / "checkpoint").write_text(
            (folder / "checkpoint").read_text().replace("\n9\n", "\n8\n")
        ),
        r"expected a signature by the log .* that matches the note",
    ),
}


@pytest.fixture
def copy(small_desk: Desk, tmp_path: Path) -> Path:
    """A copy of a log, as an auditor has it."""
    small_desk.record(EVENTS)
    small_desk.sequencer.round()
    shutil.copytree(small_desk.folder, tmp_path / "copy")
    shutil.copy(small_desk.key_file, tmp_path / "log.vkey")
    return tmp_path / "copy"


def test_a_copy_is_verified_without_settings_or_database(
    copy: Path, shell: Shell, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "root")
    found = shell.acgs("audit", "verify", copy, "--public-key", tmp_path / "log.vkey", "--json")
    assert found.status == 0, found
    assert (found.view()["size"], found.view()["unproven"]) == (EVENTS, 0)
    key = (tmp_path / "log.vkey").read_text().strip()
    assert shell.acgs("audit", "verify", copy, "--public-key", key).status == 0
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("with_hashes", [True, False], ids=["hashes", "no hashes"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_files_is_found_and_named(
    copy: Path, shell: Shell, tmp_path: Path, change: str, with_hashes: bool
) -> None:
    do, told = CHANGES[change]
    if not with_hashes:
        (copy / "hashes").unlink()
    do(copy)
    found = shell.refused("audit", "verify", copy, "--public-key", tmp_path / "log.vkey")
    if with_hashes or r"(number" not in told:
        assert re.search(told, found.partition("what to do")[0].replace("\n", " ")), found
    else:
        assert re.search("that differs is one of events 0 to 8|event 6 of the log", found)


def test_every_byte_of_the_entries_counts(copy: Path, shell: Shell, tmp_path: Path) -> None:
    _first, path = log_files.segments(copy)[0]
    sound = path.read_bytes()
    for place in range(0, len(sound), 37):
        changed = bytearray(sound)
        changed[place] ^= 1
        path.write_bytes(changed)
        shell.refused("audit", "verify", copy, "--public-key", tmp_path / "log.vkey")


def test_entries_after_the_checkpoint_are_not_proven(
    copy: Path, shell: Shell, tmp_path: Path
) -> None:
    write_lines(copy, [*lines_of(copy), lines_of(copy)[0]])
    found = shell.acgs("audit", "verify", copy, "--public-key", tmp_path / "log.vkey")
    assert found.status == 0
    assert "not proven yet   1 entries after the checkpoint" in found.out


def sign_again(folder: Path, key: SigningKey) -> None:
    """Sign whatever the entries are now, as whoever has the log's key can."""
    tree = Frontier()
    tree.extend(leaf_hashes(line.encode() for line in lines_of(folder)))
    text = Checkpoint(key.public.name, tree.size, tree.root()).text
    (folder / "checkpoint").write_text(str(Note(text).adding(key.sign(text))))
    (folder / "hashes").unlink()


def test_a_fork_signed_with_the_logs_own_key_is_found_by_a_checkpoint_kept_elsewhere(
    copy: Path, shell: Shell, small_desk: Desk, tmp_path: Path
) -> None:
    key, kept = tmp_path / "log.vkey", tmp_path / "kept"
    shutil.copy(copy / "checkpoint", kept)
    rewrite(alter)(copy)
    sign_again(copy, small_desk.key)
    assert shell.acgs("audit", "verify", copy, "--public-key", key).status == 0
    told = shell.refused("audit", "verify", copy, "--public-key", key, "--checkpoint", kept)
    assert "expected the log to continue the checkpoint" in told
    assert "one of events 0 to 8 of the log" in told


def test_a_log_cut_short_with_its_own_key_is_found_by_a_checkpoint_kept_elsewhere(
    copy: Path, shell: Shell, small_desk: Desk, tmp_path: Path
) -> None:
    key, kept = tmp_path / "log.vkey", tmp_path / "kept"
    shutil.copy(copy / "checkpoint", kept)
    write_lines(copy, lines_of(copy)[:5])
    sign_again(copy, small_desk.key)
    assert shell.acgs("audit", "verify", copy, "--public-key", key).status == 0
    told = shell.refused("audit", "verify", copy, "--public-key", key, "--checkpoint", kept)
    assert "found a log of 5: event 5 is the first that is missing" in told


def test_a_log_that_grew_continues_a_checkpoint_kept_elsewhere(
    small_desk: Desk, shell: Shell, tmp_path: Path
) -> None:
    desk, kept = small_desk, tmp_path / "kept"
    for count in (3, 4):
        desk.record(count)
        desk.sequencer.round()
        if not kept.exists():
            shutil.copy(desk.folder / "checkpoint", kept)
    key = desk.key_file
    found = shell.acgs(
        "audit", "verify", desk.folder, "--public-key", key, "--checkpoint", kept, "--json"
    )
    assert (found.view()["size"], found.view()["continues"]) == (7, [3])


def test_the_key_of_another_log_verifies_nothing(copy: Path, shell: Shell) -> None:
    other = SigningKey.of("other", KeyKind.LOG, Ed25519PrivateKey.generate()).public
    told = shell.refused("audit", "verify", copy, "--public-key", other)
    assert "expected a signature by the log (no key)" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["verify", "{copy}"], "expected --public-key beside FOLDER"),
        (["verify", "--events", "{key}"], "expected FOLDER beside --events"),
        (["verify", "{copy}", "--public-key", "nonsense"], "expected a public key as NAME+ID+KEY"),
        (["check", "{key}"], "expected --public-key"),
        (["check", "{key}", "--public-key", "{key}"], "expected a proof that begins with"),
        (["prove", "77", "--folder", "{copy}", "--public-key", "{key}"], "the id 77"),
    ],
)
def test_wrong_usage_is_said(
    copy: Path, shell: Shell, tmp_path: Path, words: list[str], told: str
) -> None:
    given = [word.format(copy=copy, key=tmp_path / "log.vkey") for word in words]
    found = shell.acgs("audit", *given)
    assert found.status == 2
    assert told in found.err


@pytest.mark.parametrize("with_hashes", [True, False], ids=["hashes", "no hashes"])
def test_each_event_is_proven_by_one_file(
    copy: Path, shell: Shell, tmp_path: Path, with_hashes: bool
) -> None:
    key, proof = tmp_path / "log.vkey", tmp_path / "event.tlog-proof"
    if not with_hashes:
        (copy / "hashes").unlink()
    for event_id in range(1, EVENTS + 1):
        words = ("audit", "prove", event_id, "--folder", copy, "--public-key", key)
        assert shell.acgs(*words, "--output", proof).status == 0
        assert shell.acgs(*words).out == proof.read_text()
        found = shell.acgs("audit", "check", proof, "--public-key", key, "--json").view()
        assert (found["event"]["id"], found["size"]) == (event_id, EVENTS)
    assert (
        "number 8 of the 9 events" in shell.acgs("audit", "check", proof, "--public-key", key).out
    )


def test_every_byte_of_a_proof_counts(copy: Path, shell: Shell, tmp_path: Path) -> None:
    key, proof = tmp_path / "log.vkey", tmp_path / "event.tlog-proof"
    words = ("audit", "prove", 4, "--folder", copy, "--public-key", key, "--output", proof)
    shell.acgs(*words)
    sound = proof.read_bytes()
    for place in range(0, len(sound), 7):
        changed = bytearray(sound)
        changed[place] ^= 1
        proof.write_bytes(changed)
        found = shell.acgs("audit", "check", proof, "--public-key", key)
        assert found.status in {1, 2}, (place, found)
        assert "[audit." in found.err or "[infra.usage]" in found.err


def test_nothing_is_proven_from_entries_that_were_changed(
    copy: Path, shell: Shell, tmp_path: Path
) -> None:
    rewrite(alter)(copy)
    words = ("audit", "prove", 5, "--folder", copy, "--public-key", tmp_path / "log.vkey")
    assert "does not show it" in shell.refused(*words)
    (copy / "hashes").unlink()
    assert "expected entries with the root of the checkpoint" in shell.refused(*words)


def test_an_event_without_a_checkpoint_is_not_proven(small_desk: Desk, shell: Shell) -> None:
    desk = small_desk
    desk.record(1)
    desk.sequencer.round()
    write_lines(desk.folder, [*lines_of(desk.folder), '{"id":2,"sequence":1}'])
    shell.at(desk)
    assert "expected a checkpoint that covers event 1" in shell.refused("audit", "prove", 2)
    assert shell.acgs("audit", "prove", 1).status == 0
    assert shell.acgs("audit", "public-key").out.strip() == str(desk.key.public)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 100_000, b"", b"\0\n\n\0\n"])
def test_a_checkpoint_that_is_none_is_refused(
    copy: Path, shell: Shell, tmp_path: Path, content: bytes
) -> None:
    (copy / "checkpoint").write_bytes(content)
    found = shell.acgs("audit", "verify", copy, "--public-key", tmp_path / "log.vkey")
    assert found.status == 2
    assert "error [audit.malformed]: " in found.err
