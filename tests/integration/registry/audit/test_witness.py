"""A witness elsewhere sees forks that the log's own key signs, and says no."""

from __future__ import annotations

import http.client
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.errors import PlatformError, SettingsError
from infra.settings import MalformedError, Settings
from registry.audit.merkle import witness_role
from registry.audit.merkle.adapters import keys, log_files
from registry.audit.merkle.adapters.witness_client import Answer, post
from registry.audit.merkle.adapters.witness_memory import WitnessMemory
from registry.audit.merkle.bootstrap import open_cosigner, witness_key
from registry.audit.merkle.cosigning import Cosigner
from registry.audit.merkle.domain.note import KeyKind
from registry.audit.merkle.errors import NotProvenError, WitnessAwayError, WitnessRefusedError
from registry.audit.merkle.settings import AuditSettings, WitnessSettings
from registry.audit.merkle.witness import Witness
from tests.integration.registry.audit.kit import Desk, Shell
from tests.integration.registry.audit.test_verifying_files import alter, rewrite, sign_again
from tests.ports import free_port


@dataclass
class Elsewhere:
    """A witness with a storage root of its own, which is reached over HTTP."""

    root: Path
    desk: Desk
    port: int = field(default_factory=free_port)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def settings(self) -> Settings:
        logs = WitnessSettings(log_keys=str(self.desk.key_file), port=self.port)
        return Settings(storage_root=self.root).having(logs)

    @property
    def key_file(self) -> Path:
        keys.own_key(self.settings, KeyKind.WITNESS)
        return keys.public_file(self.settings, KeyKind.WITNESS)

    def start(self) -> None:
        self.stop.clear()
        self.thread = threading.Thread(target=witness_role.run, args=(self.settings, self.stop))
        self.thread.start()
        while witness_role.ready(self.settings).health.value != "ok":
            assert self.thread.is_alive()

    def end(self) -> None:
        self.stop.set()
        if self.thread is not None:
            self.thread.join()

    def cosigner(self, desk: Desk | None = None) -> Cosigner:
        desk = desk or self.desk
        url = f"http://127.0.0.1:{self.port}"
        chosen = AuditSettings(witness=url, witness_key=str(self.key_file))
        opened = open_cosigner(desk.engine, desk.settings.having(chosen))
        assert opened is not None
        return opened


@pytest.fixture
def elsewhere(small_desk: Desk, tmp_path: Path) -> Iterator[Elsewhere]:
    opened = Elsewhere(tmp_path / "witness", small_desk)
    opened.start()
    yield opened
    opened.end()


def grown(desk: Desk, count: int) -> None:
    desk.record(count)
    desk.sequencer.round()


def verify(elsewhere: Elsewhere, shell: Shell, *more: object) -> tuple[object, ...]:
    desk = elsewhere.desk
    keys_given = ("--public-key", desk.key_file, "--witness-key", elsewhere.key_file)
    return ("audit", "verify", desk.folder, *keys_given, *more)


def test_a_growing_log_is_cosigned_and_verified_with_both_keys(
    elsewhere: Elsewhere, shell: Shell
) -> None:
    desk, cosigner = elsewhere.desk, elsewhere.cosigner()
    assert not cosigner.round()  # there is no checkpoint yet
    for count in (1, 5, 20):
        grown(desk, count)
        assert cosigner.round()
        assert not cosigner.round()
    found = shell.acgs(*verify(elsewhere, shell, "--json")).view()
    assert (found["size"], found["unproven"]) == (26, 0)
    assert found["cosigned_at"] is not None
    assert desk.remembered().cosigned_size == 26

    grown(desk, 3)
    found = shell.acgs(*verify(elsewhere, shell, "--json")).view()
    assert (found["size"], found["signed_size"], found["unproven"]) == (26, 29, 3)


def test_a_proof_bears_the_cosignature(elsewhere: Elsewhere, shell: Shell, tmp_path: Path) -> None:
    desk, proof = elsewhere.desk, tmp_path / "proof"
    grown(desk, 4)
    log = ("--public-key", desk.key_file)
    prove = ("audit", "prove", 2, "--folder", desk.folder, *log, "--output", proof)
    check = ("audit", "check", proof, *log, "--witness-key", elsewhere.key_file)
    shell.acgs(*prove)
    assert "expected a signature by a witness" in shell.refused(*check)
    elsewhere.cosigner().round()
    shell.acgs(*prove)
    assert "cosigned 20" in shell.acgs(*check).out


def test_nothing_counts_as_proven_before_the_witness_cosigned(
    elsewhere: Elsewhere, shell: Shell
) -> None:
    grown(elsewhere.desk, 4)
    told = shell.refused(*verify(elsewhere, shell))
    assert "no witness has cosigned yet" in told


def test_a_fork_signed_with_the_logs_own_key_is_refused_and_found(
    elsewhere: Elsewhere, shell: Shell
) -> None:
    desk, cosigner = elsewhere.desk, elsewhere.cosigner()
    grown(desk, 9)
    cosigner.round()
    desk.sequencer.close()
    rewrite(alter)(desk.folder)
    sign_again(desk.folder, desk.key)
    log_only = ("audit", "verify", desk.folder, "--public-key", desk.key_file)
    assert shell.acgs(*log_only).status == 0  # the attack works on whoever asks no witness
    with pytest.raises(WitnessRefusedError, match=r"found HTTP 409: this witness knows|found HTTP"):
        elsewhere.cosigner().round()
    told = shell.refused(*verify(elsewhere, shell))
    assert "is one of events 0 to 8 of the log" in told
    (desk.folder / log_files.COSIGNED).unlink()
    assert "no witness has cosigned yet" in shell.refused(*verify(elsewhere, shell))


def test_a_fork_that_grew_is_refused(elsewhere: Elsewhere) -> None:
    desk = elsewhere.desk
    grown(desk, 9)
    elsewhere.cosigner().round()
    grown(desk, 2)
    desk.sequencer.close()
    rewrite(alter)(desk.folder)
    sign_again(desk.folder, desk.key)
    with pytest.raises(WitnessRefusedError, match="HTTP 422: the log does not continue"):
        elsewhere.cosigner().round()
    assert "HTTP 422" in str(desk.remembered().witness_error)


def test_backups_of_database_and_files_restored_together_are_refused(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    """The log itself cannot see this: both sides agree. The witness remembers."""
    desk = elsewhere.desk
    database = Path(str(desk.engine.url.database))
    grown(desk, 4)
    desk.sequencer.close()
    desk.engine.dispose()
    shutil.copy(database, tmp_path / "backup.db")
    shutil.copytree(desk.folder, tmp_path / "backup")
    grown(desk, 3)
    elsewhere.cosigner().round()

    desk.sequencer.close()
    desk.engine.dispose()
    shutil.copy(tmp_path / "backup.db", database)
    shutil.rmtree(desk.folder)
    shutil.copytree(tmp_path / "backup", desk.folder)
    desk.record(1)
    assert desk.sequencer.round() == 1  # the log goes on, on another history
    with pytest.raises(WitnessRefusedError, match="found that it knows 7: the log was truncated"):
        elsewhere.cosigner().round()
    grown(desk, 6)
    with pytest.raises(WitnessRefusedError, match="HTTP 422"):
        elsewhere.cosigner().round()


def test_a_witness_that_is_away_is_said_and_asked_again(elsewhere: Elsewhere) -> None:
    desk, cosigner = elsewhere.desk, elsewhere.cosigner()
    grown(desk, 2)
    elsewhere.end()
    for _ in range(2):
        with pytest.raises(WitnessAwayError, match="to answer, found ConnectionRefusedError"):
            cosigner.round()
    assert "ConnectionRefusedError" in str(desk.remembered().witness_error)
    assert not (desk.folder / log_files.COSIGNED).exists()
    grown(desk, 2)  # the log goes on without it
    elsewhere.start()
    assert cosigner.round()
    assert desk.remembered().witness_error is None
    assert desk.remembered().cosigned_size == 4


def test_a_witness_remembers_over_a_restart(elsewhere: Elsewhere) -> None:
    desk = elsewhere.desk
    grown(desk, 5)
    elsewhere.cosigner().round()
    (desk.folder / log_files.COSIGNED).unlink()  # the log forgot; the witness says how far it was
    elsewhere.end()
    elsewhere.start()
    grown(desk, 1)
    assert elsewhere.cosigner().round()
    assert desk.remembered().cosigned_size == 6


def test_a_witness_killed_before_its_answer_arrives_cosigns_again(elsewhere: Elsewhere) -> None:
    desk, cosigner = elsewhere.desk, elsewhere.cosigner()
    grown(desk, 5)

    def lost(url: str, body: str) -> Answer:
        post(url, body)
        raise WitnessAwayError("the answer was lost")

    cosigner.ask = lost
    with pytest.raises(WitnessAwayError):
        cosigner.round()
    cosigner.ask = post
    grown(desk, 1)
    assert cosigner.round()


def test_a_witness_whose_memory_was_changed_cosigns_nothing(elsewhere: Elsewhere) -> None:
    desk, cosigner = elsewhere.desk, elsewhere.cosigner()
    grown(desk, 5)
    cosigner.round()
    for file in (elsewhere.root / "witness").iterdir():
        if file.name != "lock":
            file.write_text(file.read_text().replace("\n5\n", "\n4\n"))
    grown(desk, 1)
    with pytest.raises(WitnessAwayError, match="HTTP 500"):
        cosigner.round()


def test_an_answer_by_another_witness_is_not_taken(elsewhere: Elsewhere, tmp_path: Path) -> None:
    desk, cosigner = elsewhere.desk, elsewhere.cosigner()
    grown(desk, 2)
    stranger = keys.own_key(Settings(storage_root=tmp_path / "other"), KeyKind.WITNESS)

    def forged(_url: str, body: str) -> Answer:
        text = body.partition("\n\n")[2].partition("\n\n")[0] + "\n"
        return Answer(200, f"{stranger.sign(text, 1)}\n")

    cosigner.ask = forged
    with pytest.raises(NotProvenError, match="expected a signature by the witness"):
        cosigner.round()
    assert not (desk.folder / log_files.COSIGNED).exists()


@pytest.mark.parametrize("text", ["", "x", "-1", "99999999999999999999", "7", "٣"])
def test_a_size_that_makes_no_sense_is_refused(elsewhere: Elsewhere, text: str) -> None:
    cosigner = elsewhere.cosigner()
    grown(elsewhere.desk, 2)
    cosigner.ask = lambda _url, _body: Answer(409, text)
    with pytest.raises(WitnessRefusedError):
        cosigner.round()


def test_many_submissions_at_once_never_take_the_witness_back(elsewhere: Elsewhere) -> None:
    desk = elsewhere.desk
    key = keys.own_key(elsewhere.settings, KeyKind.WITNESS)
    memory = WitnessMemory.open(elsewhere.root / "many", key.public)
    witness = Witness(key, {desk.key.public.name: [desk.key.public]}, memory)
    bodies = []
    for _ in range(8):
        grown(desk, 1)
        cosigner = elsewhere.cosigner()
        cosigner.ask = lambda _url, body: bodies.append(body) or Answer(500, "")  # type: ignore[func-returns-value]
        with pytest.raises(PlatformError):
            cosigner.round()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(witness.add, bodies * 4))
    known = memory.last(desk.key.public.name)
    sizes = {1, 2, 3, 4, 5, 6, 7, 8}
    assert known is not None
    assert known.size in sizes


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"\xff", 400), (b"old 0\n\nx\n", 400), (b"x" * 100_000, 413)],
)
def test_a_request_of_another_form_is_refused(
    elsewhere: Elsewhere, body: bytes, status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", elsewhere.port, timeout=10)
    connection.request("POST", "/add-checkpoint", body, {"Content-Type": "text/plain"})
    assert connection.getresponse().status == status
    connection.close()


def test_a_witness_says_what_size_it_knows_as_the_protocol_has_it(elsewhere: Elsewhere) -> None:
    grown(elsewhere.desk, 3)
    cosigner, seen = elsewhere.cosigner(), list[str]()
    cosigner.ask = lambda url, body: seen.append(body) or post(url, body)  # type: ignore[func-returns-value]
    cosigner.round()
    connection = http.client.HTTPConnection("127.0.0.1", elsewhere.port, timeout=10)
    connection.request("POST", "/add-checkpoint", seen[0].encode())
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (409, b"3\n")
    assert str(answer.getheader("Content-Type")).startswith("text/x.tlog.size")
    connection.close()


def test_a_witness_of_no_log_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected the key of a log in ACGS_WITNESS_LOGS"):
        witness_role.run(Settings(storage_root=tmp_path), threading.Event())


def test_a_witness_without_a_key_is_refused(small_desk: Desk) -> None:
    chosen = small_desk.settings.having(AuditSettings(witness="http://127.0.0.1:1"))
    with pytest.raises(SettingsError, match="ACGS_AUDIT_WITNESS_KEY"):
        witness_key(chosen)


@pytest.mark.parametrize(
    "url",
    [
        "witness.example",
        "http://witness.example",
        "ftp://127.0.0.1",
        "https://",
        "http://127.0.0.1:0",
    ],
)
def test_a_witness_over_plain_http_is_on_this_machine(small_desk: Desk, url: str) -> None:
    with pytest.raises(MalformedError, match="ACGS_AUDIT_WITNESS"):
        Settings.read({"ACGS_AUDIT_WITNESS": url}).of(AuditSettings)


def test_only_the_command_starts_a_witness() -> None:
    from infra.component import roles, roles_of_the_platform

    assert "witness" in roles()
    assert "witness" not in roles_of_the_platform()
