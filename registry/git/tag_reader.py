"""Reads a repository's tags as gto does: in the order of their own times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from registry.git.adapters.repository import TAGS, Repository
from registry.git.domain import grammar, marks
from registry.git.domain.grammar import TagAction, TagName
from registry.git.domain.marks import TagMark, TagStep
from registry.git.domain.names import to_name

_FORMAT = "%00".join(
    (
        "%(objecttype)",
        "%(refname)",
        "%(*objectname)",
        "%(taggerdate:unix)",
        "%(taggername)",
        "%(contents:subject)",
    )
)
_ORDER = (
    TagAction.REGISTER,
    TagAction.UNASSIGN,
    TagAction.ASSIGN,
    TagAction.DEREGISTER,
    TagAction.DEPRECATE,
)


@dataclass(frozen=True, slots=True)
class TagEntry:
    """One annotated tag in gto's grammar.

    Attributes:
        commit: object id that it points to.
        seconds: when it was made, as it says.
    """

    name: str
    parsed: TagName
    commit: str
    seconds: int
    tagger: str
    subject: str

    @property
    def model(self) -> str:
        """The model's name; gto's own if the platform has no such model."""
        return to_name(self.parsed.artifact) or self.parsed.artifact


@dataclass(slots=True)
class Shown:
    """A version as the tags now describe it."""

    model: str
    artifact: str
    version: str
    commit: str
    tag: str
    registered_seconds: int
    mark: TagMark = field(default_factory=TagMark)

    @property
    def stages(self) -> Sequence[str]:
        """The version's stages, by gto's names."""
        return sorted(self.mark.stages)


def entries(repository: Repository, model: str | None = None) -> list[TagEntry]:
    """Return every tag in gto's grammar, oldest first.

    Raises:
        GitError: the repository cannot be read.
    """
    output = repository.read("for-each-ref", f"--format={_FORMAT}", TAGS)
    found = []
    for line in output.decode("utf-8", "replace").splitlines():
        kind, ref, commit, seconds, tagger, subject = line.split("\0")
        name = ref.removeprefix(TAGS)
        parsed = grammar.parse(name)
        if kind == "tag" and parsed is not None:
            entry = TagEntry(name, parsed, commit, int(seconds or 0), tagger, subject)
            if model is None or model in (entry.model, parsed.artifact):
                found.append(entry)
    return sorted(found, key=_key)


def _key(entry: TagEntry) -> tuple[int, int, int, str]:
    return entry.seconds, _ORDER.index(entry.parsed.action), entry.parsed.counter, entry.name


def shown(found: Iterable[TagEntry]) -> list[Shown]:
    """Return the registered versions, in the order of their registration."""
    versions: dict[tuple[str, str], Shown] = {}
    buried: set[str] = set()
    for entry in found:
        parsed = entry.parsed
        if parsed.action is TagAction.DEPRECATE:
            buried.add(parsed.artifact)
            continue
        buried.discard(parsed.artifact)
        key = (parsed.artifact, entry.commit)
        if key not in versions:
            versions[key] = Shown(
                entry.model, parsed.artifact, "", entry.commit, entry.name, entry.seconds
            )
        version = versions[key]
        version.version = parsed.version or version.version
        version.mark = marks.after(version.mark, TagStep(parsed.action, parsed.stage))
    return [
        version
        for version in versions.values()
        if version.mark.registered and version.artifact not in buried
    ]
