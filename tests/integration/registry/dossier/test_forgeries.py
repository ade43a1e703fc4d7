"""Whatever is changed in a dossier is found, whether or not the forger holds the platform's key."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.audit.merkle.adapters.keys import own_key
from registry.audit.merkle.domain.note import KeyKind, SigningKey
from registry.domain.canonical import canonical_bytes, digest
from registry.dossier import page, verification
from registry.dossier.domain.dossier import Dossier
from registry.dossier.domain.envelope import sign
from registry.dossier.domain.story import tell
from registry.dossier.errors import NotProvenError
from registry.dossier.verification import verify_dossier
from tests.integration.registry.dossier.kit import Office
from tests.integration.registry.lineage.world import minute

STRIDES = {"page": 251, "json": 23}
"""Distances of the bytes that are tried, beside all those where something begins or ends."""


@pytest.fixture(scope="module")
def signed(office: Office, name: str) -> bytes:
    return office.signed(name)


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does for each first argument, which is kept, its work once."""
    known: dict[int, tuple[object, Any]] = {}

    def call(given: object, *more: Any) -> Any:
        if id(given) not in known:
            known[id(given)] = given, function(given, *more)
        return known[id(given)][1]

    return call


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what is the same for the same bytes once: thousands of files are verified."""
    monkeypatch.setattr(page, "render", cache(page.render))
    monkeypatch.setattr(Dossier, "read", staticmethod(cache(Dossier.read)))
    monkeypatch.setattr(Dossier, "evidence", once(Dossier.evidence))
    monkeypatch.setattr(verification, "tell", once(tell))


def places(written: bytes, form: str) -> list[int]:
    """Return bytes all over a file, and all where a part of it begins or ends."""
    edges = [0, len(written)]
    for mark in (b'<script type="application/json"', b'{"payload"', b'"payloadType"', b"</script>"):
        edges += [written.find(mark), written.find(mark) + len(mark)]
    near = {place + step for place in edges if place >= 0 for step in range(-20, 20)}
    near |= set(range(0, len(written), STRIDES[form]))
    return sorted(place for place in near if 0 <= place < len(written))


@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("form", ["page", "json"])
def test_any_byte_that_is_changed_is_found(office: Office, signed: bytes, form: str) -> None:
    written = signed if form == "json" else page.of_envelope(signed)
    assert verify_dossier(written, [office.key]).envelope == signed
    for place in places(written, form):
        changed = bytearray(written)
        changed[place] ^= 1 << (place % 8)
        assert is_refused(office, bytes(changed)), (place, written[place - 30 : place + 30])


@pytest.mark.usefixtures("remembering")
@pytest.mark.parametrize("form", ["page", "json"])
def test_any_byte_that_is_added_or_left_out_is_found(
    office: Office, signed: bytes, form: str
) -> None:
    written = signed if form == "json" else page.of_envelope(signed)
    for place in places(written, form)[::3]:
        assert is_refused(office, written[:place] + written[place + 1 :]), place
        for added in (b" ", b"\n", b"0"):
            assert is_refused(office, written[:place] + added + written[place:]), (place, added)
    for end in (b" ", b"\n", b"\0", b"<!-- -->", written):
        assert is_refused(office, written + end)
        assert is_refused(office, end + written)
    for size in (0, 1, len(written) // 2, len(written) - 1):
        assert is_refused(office, written[:size])


def is_refused(office: Office, written: bytes) -> bool:
    try:
        verify_dossier(written, [office.key])
    except NotProvenError:
        return True
    return False


SAME_FOR_A_READER: dict[str, Callable[[bytes], bytes]] = {
    "a key twice": lambda raw: raw.replace(b'{"payload":', b'{"payload":"x","payload":', 1),
    "a key that nobody reads": lambda raw: raw[:-1] + b',"z":1}',
    "another order": lambda raw: json.dumps(
        dict(reversed(json.loads(raw).items())), separators=(",", ":")
    ).encode(),
    "spaces": lambda raw: json.dumps(json.loads(raw)).encode(),
    "an escaped letter": lambda raw: raw.replace(b'"payload"', b'"p\\u0061yload"', 1),
    "a mark of byte order": lambda raw: b"\xef\xbb\xbf" + raw,
    "base64 with loose bits": lambda raw: raw.replace(b'=="}]', b'="}]').replace(
        b'=","payload', b'","payload'
    ),
    "two signatures": lambda raw: canonical_bytes(
        {**json.loads(raw), "signatures": json.loads(raw)["signatures"] * 2}
    ),
}


@pytest.mark.parametrize("change", SAME_FOR_A_READER)
def test_another_spelling_of_the_same_content_is_found(
    office: Office, signed: bytes, change: str
) -> None:
    changed = SAME_FOR_A_READER[change](signed)
    assert changed != signed
    assert is_refused(office, changed)


def test_the_key_of_somebody_else_verifies_nothing(office: Office, signed: bytes) -> None:
    stranger = SigningKey.of(office.key.name, KeyKind.LOG, Ed25519PrivateKey.generate())
    with pytest.raises(NotProvenError, match="expected a signature by"):
        verify_dossier(signed, [stranger.public])
    with pytest.raises(NotProvenError, match="a key of an audit log"):
        verify_dossier(signed, [office.witness.public])


def payload_of(signed: bytes) -> dict[str, Any]:
    return dict(json.loads(base64.b64decode(json.loads(signed)["payload"])))


def events(content: dict[str, Any], type: str) -> dict[str, Any]:
    """Return the first entry of a type."""
    return next(one for one in content["entries"] if f'"type":"{type}"' in one["entry"])


def edit(content: dict[str, Any], type: str, old: str, new: str) -> None:
    entry = events(content, type)
    assert old in entry["entry"]
    entry["entry"] = entry["entry"].replace(old, new)


def section(content: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in content["story"]["sections"] if one["id"] == key)


def other_document(content: dict[str, Any]) -> None:
    first = next(iter(content["documents"]))
    content["documents"][first] = content["documents"][first].replace("0.97", "0.99") + " "


def other_statement(content: dict[str, Any]) -> None:
    (uid,) = content["statements"]
    statement = content["statements"][uid]
    text = base64.b64decode(statement["payload"]).replace(b"MLmodel", b"MLmodeI")
    statement["payload"] = base64.b64encode(text).decode()


def other_name(content: dict[str, Any]) -> None:
    content["name"] = "another"


LIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "an approver's name": (
        lambda c: edit(c, "approval.given", "ben@cli", "eve@cli"),
        r"event \d+ of the log \(approval.given, uid .*\): expected a proof",
    ),
    "a verdict": (
        lambda c: edit(c, "scorecard.attached", '"passed":true', '"passed":false'),
        r"event \d+ of the log \(scorecard.attached",
    ),
    "an event's place": (lambda c: c["entries"].reverse(), "expected one after event"),
    "an event twice": (
        lambda c: c["entries"].append(c["entries"][-1]),
        "expected one after event",
    ),
    "an event left out of the story": (
        lambda c: c["entries"].remove(events(c, "approval.given")),
        "the story at sections",
    ),
    "a moment before the last events": (
        lambda c: c.update(at_ms=c["at_ms"] - 10**9),
        "expected one up to the moment that is told",
    ),
    "another model": (other_name, "expected one about another"),
    "another version": (
        lambda c: c.update(asked="1"),
        r"the story at sections\[\d\].content.aliases",
    ),
    "a stage": (
        lambda c: section(c, "model")["content"].update(stage="Staging"),
        r"the story at sections\[0\].content.stage",
    ),
    "an approval that nobody gave": (
        lambda c: section(c, "decisions")["content"][0]["votes"].append({"actor": "eve"}),
        r"the story at sections\[4\].content\[0\].votes",
    ),
    "a result of a control": (
        lambda c: section(c, "controls")["content"]["rules"][0].update(outcome="fail"),
        r"the story at sections\[3\].content.rules\[0\].outcome",
    ),
    "a gap that is filled": (
        lambda c: section(c, "model")["content"].update(purpose="to be good"),
        r"the story at sections\[0\].content.purpose",
    ),
    "a statement about trust": (
        lambda c: c["story"]["trust"].pop(),
        "the story at trust",
    ),
    "a document": (other_document, "expected a document with the digest"),
    "a signed statement": (other_statement, "the statement about version"),
    "the key of a statement": (
        lambda c: c["keys"].update(dict.fromkeys(c["keys"], "none")),
        "expected a signature that matches",
    ),
    "the checkpoint": (
        lambda c: c.update(checkpoint=c["checkpoint"].replace("\n", "\n1", 1)),
        "the checkpoint: expected a signature",
    ),
    "a field that nobody reads": (
        lambda c: c.update(note="trust me"),
        "expected a dossier's own fields alone",
    ),
    "another format": (lambda c: c.update(format="acgs.dossier/v9"), "of the format"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_the_platform_itself_signs_must_follow_from_its_log(
    office: Office, signed: bytes, lie: str
) -> None:
    change, found = LIES[lie]
    content = payload_of(signed)
    change(content)
    forged = sign(canonical_bytes(content), own_key(office.settings, KeyKind.LOG))
    with pytest.raises(NotProvenError, match=found):
        verify_dossier(forged, [office.key])


def without(content: dict[str, Any], type: str) -> dict[str, Any]:
    """Return a dossier without an event whose story was told again without it."""
    content["entries"].remove(events(content, type))
    dossier, _ = Dossier.read(canonical_bytes(content))
    return {**content, "dossier": dossier}


def test_an_event_that_the_platform_leaves_out_is_found_with_the_log(
    office: Office, signed: bytes, tmp_path: Path
) -> None:
    content = without(payload_of(signed), "approval.given")
    dossier: Dossier = content["dossier"]
    key = own_key(office.settings, KeyKind.LOG)
    story = tell(dossier.evidence([office.key]))
    forged = sign(dossier.payload(story), key)
    # By itself it is consistent: it says less, and of that everything is proven.
    assert not verify_dossier(forged, [office.key]).is_complete
    with pytest.raises(NotProvenError, match=r"\(approval.given, .*expected it in the dossier"):
        verify_dossier(forged, [office.key], log_folder=office.log)
    assert verify_dossier(signed, [office.key], log_folder=office.log).is_complete
    other = shutil.copytree(office.log, tmp_path / "log")
    (entries,) = (other / "entries").iterdir()
    entries.write_bytes(entries.read_bytes().replace(b"approval.given", b"approval.taken", 1))
    with pytest.raises(NotProvenError, match="the first that differs"):
        verify_dossier(signed, [office.key], log_folder=other)


def test_a_cosignature_counts_by_the_witness_key_alone(office: Office, name: str) -> None:
    office.sequencer.round()
    plain = office.signed(name)
    with pytest.raises(NotProvenError, match="expected a signature by a witness"):
        verify_dossier(plain, [office.key], [office.witness.public])
    office.cosign()
    cosigned = office.signed(name)
    assert payload_of(cosigned)["checkpoint"].count("\n— ") == 2
    verified = verify_dossier(cosigned, [office.key], [office.witness.public])
    assert verified.cosigned_seconds == 1_900_000_000
    assert verify_dossier(cosigned, [office.key]).cosigned_seconds is None
    (office.log / "cosigned").unlink()


def test_a_document_is_what_its_event_says(office: Office, signed: bytes) -> None:
    for key, text in payload_of(signed)["documents"].items():
        assert digest(json.loads(text)) == key


def test_a_dossier_of_another_moment_is_another_file(office: Office, name: str) -> None:
    assert office.page(name, at=minute(25)) != office.page(name, at=minute(26))


def test_what_people_wrote_neither_runs_nor_ends_the_page(office: Office) -> None:
    world = office.world
    name = world.name()
    end = "\n</script>\n</body>\n</html>\n"
    comment = (
        f'{end}<script>alert(1)</script>\n<script type="application/json" id="dossier">\n{{}}{end}'
    )
    office.promote(world.register(name), minute(1), "ben@cli", comment=comment)
    written = office.page(name, "1")
    assert written.count(b"<script") == 1
    verified = verify_dossier(written, [office.key])
    assert (
        comment
        in json.loads(verified.payload)["story"]["sections"][4]["content"][0]["votes"][0].values()
    )
