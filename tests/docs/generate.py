"""Writes the generated parts of the documentation: `make docs`, or `python -m tests.docs.generate`.

A page is written by hand; what stands between `<!-- generated: NAME -->` and
`<!-- end generated -->` is made here from the code, and a test fails when it is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.docs import cli_pages, code_facts, tables
from tests.docs.code_facts import ROOT
from tests.support.differences import ALL_NAMES, GOVERNED_NAMES

DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?P<head><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<tail><!-- end generated -->)",
    re.DOTALL,
)

BLOCKS: dict[str, Callable[[], str]] = {
    "cli": cli_pages.commands,
    "settings": tables.settings,
    "errors": tables.errors,
    "answer-differences": tables.answer_differences,
    "reasons": lambda: tables.reasons(code_facts.reasons(ROOT)),
    "checks": tables.checks,
    "constitution-keys": tables.constitution_keys,
    "evidence-keys": tables.evidence_keys,
    "rollout-plan": tables.rollout_plan,
    "differences": lambda: tables.differences(ALL_NAMES),
    "governed-differences": lambda: tables.differences(GOVERNED_NAMES),
    "roles": tables.roles,
    "entry-points": tables.entry_points_table,
}


def pages() -> Iterator[Path]:
    """Every Markdown page of the repository's documentation."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted(DOCS.rglob("*.md"))


def rendered(text: str) -> str:
    """Return a page's text with every generated block made anew."""

    def fill(found: re.Match[str]) -> str:
        body = BLOCKS[found["name"]]()
        return f"{found['head']}\n{body.strip()}\n\n{found['tail']}"

    return _BLOCK.sub(fill, text)


def handwritten(text: str) -> str:
    """Return a page's text without its generated blocks."""
    return _BLOCK.sub("", text)


def blocks_in(text: str) -> list[str]:
    """Names of the generated blocks of a page."""
    return [found["name"] for found in _BLOCK.finditer(text)]


def main() -> None:
    """Bring every page up to date."""
    for page in pages():
        text = page.read_text("utf-8")
        fresh = rendered(text)
        if fresh != text:
            page.write_text(fresh, "utf-8")
            print(f"wrote {page.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
