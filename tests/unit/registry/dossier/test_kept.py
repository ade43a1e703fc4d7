"""A dossier that was made once is verified by every later release.

Whoever changes what is told, or the page, makes another format beside `acgs.dossier/v1` and keeps
a dossier of it here too; those that examiners have are not made again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from registry.audit.merkle.adapters.keys import read_key
from registry.dossier import page
from registry.dossier.verification import verify_dossier

KEPT = Path(__file__).parent / "kept"
PAGE_SHA256 = "57260b4fe49a0b4006b4b4164f3d0e5032bfb815f00746a460b788ae8e2a3bf3"


def test_a_kept_dossier_is_still_verified_and_its_page_is_still_the_same() -> None:
    signed = (KEPT / "dossier-v1.json").read_bytes()
    key = read_key(str(KEPT / "log.vkey"))
    verified = verify_dossier(signed, [key])
    assert verified.dossier.made_by.startswith("acgs-mlops ")
    shown = page.of_envelope(signed)
    assert hashlib.sha256(shown).hexdigest() == PAGE_SHA256
    assert verify_dossier(shown, [key]).payload == verified.payload
