"""The last act: an auditor verifies what the platform says of its own past, with a key alone."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.demo.cast import StoryError
from pipelines.demo.people import AUDITOR

if TYPE_CHECKING:
    from pipelines.demo.cast import Cast

SIGNING_SECONDS = 15.0
"""Within which the manager has signed the newest event, on a busy machine."""


def verify(cast: Cast) -> None:
    """Act 6: make a dossier, verify it, and see that one changed byte is found."""
    cast.show.scene("6  An auditor verifies what ran, and why it was allowed to")
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        file, key = folder / "dossier.html", folder / "log.vkey"
        cast.show.say(f"{AUDITOR}: {_make(cast, file).replace(f'{folder}/', '')}")
        key.write_text(cast.command(AUDITOR, "audit", "public-key") + "\n")
        _check(cast, "the dossier", 0, file, key)
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        _check(cast, "the dossier with one bit changed", 1, file, key)
    cast.show.end_scene("proven with a public key alone; one changed bit is found")


def _make(cast: Cast, file: Path) -> str:
    arguments = ("dossier", f"{cast.name}@champion", "--output", str(file))
    limit = time.monotonic() + SIGNING_SECONDS
    while True:
        code, said = cast.outcome_of(AUDITOR, *arguments)
        if code == 0:
            return said
        if "dossier.not_signed_yet" not in said or time.monotonic() > limit:
            raise StoryError(f"acgs {' '.join(arguments)} ended with {code}: {said}")
        time.sleep(0.2)


def _check(cast: Cast, what: str, expected: int, file: Path, key: Path) -> None:
    code, said = cast.outcome_of(AUDITOR, "verify", str(file), "--public-key", str(key))
    cast.show.say(f"{AUDITOR}: acgs verify: {said.splitlines()[0] if said else ''}")
    cast.show.outcome(cast.outcomes.equal(f"{what}: the exit code of acgs verify", expected, code))
