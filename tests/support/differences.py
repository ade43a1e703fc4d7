"""Where the platform answers other than plain MLflow, and why: what the reference page lists.

The tests that compare the two let nothing else pass. `make docs` writes the page's tables from
this list.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of answer that differs.

    Attributes:
        what: the call, for people.
        plain: what plain MLflow answers.
        platform: what the platform answers.
        why: the reason.
        pattern: what is found in the platform's answer where it is this difference.
    """

    what: str
    plain: str
    platform: str
    why: str
    pattern: str


ALL_NAMES = (
    Difference(
        "a model name of more than 256 characters, or with control characters",
        "kept on SQLite, a database error on PostgreSQL",
        "`INVALID_PARAMETER_VALUE`",
        "such a model could be neither governed nor moved to PostgreSQL",
        "expected a model name (of at most 256|without control)",
    ),
    Difference(
        "setting or deleting a tag that begins with `acgs.`",
        "done",
        "`PERMISSION_DENIED`",
        "the platform alone writes them, and a copy does not bring them along",
        "expected a tag outside acgs.*",
    ),
    Difference(
        "a text with NUL characters or lone surrogates",
        "kept, or an error with status 500",
        "`INVALID_PARAMETER_VALUE`",
        "not every database can hold it",
        "that a database can hold, found NUL",
    ),
    Difference(
        "a value that the database refuses",
        "the SQL statement with its values",
        "what was expected and found, in a sentence",
        "an answer shows no statement, and no values of others",
        "the database refused it: expected ",
    ),
    Difference(
        "renaming a model to a name that is taken",
        "`RESOURCE_ALREADY_EXISTS` with the SQL statement",
        "`RESOURCE_ALREADY_EXISTS` without it",
        "an answer shows no statement, and no values of others",
        r"^RESOURCE_ALREADY_EXISTS: Registered Model \(name=[^)]*\) already exists\.$",
    ),
)
"""For every model, governed or not."""

GOVERNED_NAMES = (
    Difference(
        "creating a model, or renaming one, to a name that is not plain",
        "done",
        "`INVALID_PARAMETER_VALUE`",
        "a governed name means one thing in URIs, URLs and git",
        "expected a model name of 1-128",
    ),
    Difference(
        "renaming a model to a name that nothing governs",
        "done",
        "`PERMISSION_DENIED`",
        "its versions would leave governance unjudged; copy the one you need",
        "governance.left",
    ),
    Difference(
        "a tag's value, a description or a source longer than its column",
        "kept on SQLite, a database error on PostgreSQL",
        "`INVALID_PARAMETER_VALUE` on both",
        "a governed model can be moved from one to the other",
        " characters, found ",
    ),
    Difference(
        "an alias that is a stage's name, or not ASCII",
        "done",
        "`INVALID_PARAMETER_VALUE`",
        "people would take it for a governed place",
        "expected an alias ",
    ),
    Difference(
        "a version without a source, or with one outside the artifact roots",
        "done, if MLflow can read it",
        "`INVALID_PARAMETER_VALUE`",
        "there would be no files to judge, or a foreign store's would be read",
        "expected a source |expected the source |expected a folder |cannot be resolved"
        "|expected models:/|expected a registered version [^,]|expected a run"
        "|expected a logged model",
    ),
    Difference(
        "a semantic version as a stage or an alias (`models:/credit/1.2.0`)",
        "`INVALID_PARAMETER_VALUE`",
        "the version, or which there are",
        "semantic versions resolve on the server",
        "has no version |'version': '1'|\"version\": \"1\"",
    ),
)
"""For governed names only, beside what the gate refuses."""
