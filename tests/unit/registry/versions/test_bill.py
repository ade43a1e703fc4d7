"""The bill of materials fits CycloneDX's own schema, whatever a version holds."""

from __future__ import annotations

import json
import math

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.signature import Signature
from registry.domain.values import VersionRef
from registry.files.domain.manifest import FileEntry, Manifest
from registry.versions.domain.bill import bill
from registry.versions.domain.difference import ComparedVersion

REF = VersionRef("0b0e7f5e-6a0c-4c57-8a43-0c5d1f0a7b11", "credit", 3, "1.2.0")
FILES = Manifest.of([FileEntry("MLmodel", 10, "a" * 64), FileEntry("model.skops", 5, "b" * 64)])
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)

_words = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)
_subjects = st.builds(
    ComparedVersion,
    semver=st.just("1.2.0"),
    signature=st.none(),
    facts=st.dictionaries(_words, st.none() | _words, max_size=3),
    params=st.dictionaries(_words, _words, max_size=3),
    metrics=st.dictionaries(_words, st.floats(), max_size=3),
    datasets=st.dictionaries(_words, _words, max_size=3),
    requirements=st.dictionaries(_words, _words, max_size=3),
)


@given(_subjects, st.none() | st.just(FILES))
def test_every_bill_is_valid(subject: ComparedVersion, manifest: Manifest | None) -> None:
    document = bill(REF, 1_700_000_000_000, "for review", subject, manifest, "0.1.0")
    assert VALIDATOR.validate_str(json.dumps(document)) is None


def test_the_validator_refuses_what_is_not_cyclonedx() -> None:
    assert (
        VALIDATOR.validate_str(json.dumps({"bomFormat": "CycloneDX", "specVersion": 1})) is not None
    )


def test_files_data_and_pinned_requirements_are_named_with_their_digests() -> None:
    signature = Signature.from_mlmodel(
        {
            "signature": {
                "inputs": json.dumps([{"type": "double", "name": "income", "required": True}]),
                "outputs": json.dumps([{"type": "long", "required": True}]),
            }
        }
    )
    subject = ComparedVersion(
        "1.2.0",
        signature,
        metrics={"accuracy": 0.91, "loss": math.nan},
        datasets={"loans": "d1"},
        requirements={"scikit-learn": "==1.7.0", "pandas": ">=2"},
    )
    document = bill(REF, 1_700_000_000_000, "", subject, FILES, "0.1.0")
    assert VALIDATOR.validate_str(json.dumps(document)) is None
    parts = {part["bom-ref"]: part for part in document["components"]}
    assert parts["file:MLmodel"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert parts["data:loans"]["version"] == "d1"
    assert parts["library:scikit-learn"]["purl"] == "pkg:pypi/scikit-learn@1.7.0"
    assert "purl" not in parts["library:pandas"]
    card = document["metadata"]["component"]["modelCard"]
    assert card["modelParameters"]["inputs"] == [{"format": "income: double"}]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {"type": "accuracy", "value": "0.91"}
    ]


def test_the_same_version_gives_the_same_document() -> None:
    first, second = (
        bill(REF, 1, "", ComparedVersion("1.2.0", None), FILES, "0.1.0") for _ in range(2)
    )
    assert first == second
