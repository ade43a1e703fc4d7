"""Writes the text of git objects: a commit for each version, a tag for each step.

Source: git's own format of commit and tag objects (gitformat of `git cat-file -p`), and
git-interpret-trailers for the lines under a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]+")
_IDENTITY = re.compile(r"[<>\x00-\x1f\x7f\ud800-\udfff]+")
LEDGER_NAME = "ACGS MLOps"


def person(name: str, email: str, seconds: int) -> str:
    """Return an identity line: `alice@cli <acgs@localhost> 1700000000 +0000`."""
    clean = _IDENTITY.sub(" ", name).strip(" .,:;\"'") or LEDGER_NAME
    return f"{clean} <{_IDENTITY.sub('', email).strip()}> {seconds} +0000"


def message(subject: str, trailers: Mapping[str, object]) -> str:
    """Return a subject line and a block of trailers; empty trailers are left out."""
    texts = {key: one_line(value) for key, value in trailers.items() if value is not None}
    lines = [f"{key}: {value}" for key, value in texts.items() if value]
    return one_line(subject) + "\n\n" + "\n".join(lines) + "\n"


def one_line(value: object) -> str:
    """Return a value as text that cannot begin a new line."""
    return _CONTROL.sub(" ", str(value)).strip()


def commit(tree: str, parent: str | None, who: str, text: str) -> bytes:
    """Return a commit object's content.

    Args:
        tree: object id of its tree.
        parent: the commit of the code, where the repository has it.
        who: identity line of author and committer.
        text: message.
    """
    head = [f"tree {tree}", *([f"parent {parent}"] if parent else [])]
    return "\n".join([*head, f"author {who}", f"committer {who}", "", text]).encode()


def tag(target: str, name: str, who: str, text: str, kind: str = "commit") -> bytes:
    """Return an annotated tag object's content, unsigned.

    Args:
        target: object id of what it points to.
        name: of the tag.
        who: identity line of the tagger.
        text: message.
        kind: of the target, as git calls it.
    """
    return f"object {target}\ntype {kind}\ntag {name}\ntagger {who}\n\n{text}".encode()


def unsigned(content: bytes) -> bytes:
    """Return a tag's content without the signature at its end."""
    for begin in (b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP SIGNATURE-----"):
        place = content.find(b"\n" + begin)
        if place >= 0:
            return content[: place + 1]
    return content


def trailers(text: str) -> dict[str, str]:
    """Read the trailers of a message that `message` wrote."""
    block = unsigned(text.encode()).decode().strip().split("\n\n")[-1]
    pairs = (line.partition(": ") for line in block.splitlines())
    return {key: value for key, found, value in pairs if found}
