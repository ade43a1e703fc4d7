"""Prints the demo: live lines in a terminal, plain ones in a log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from pipelines.demo.outcomes import Outcome

PLAIN_PROGRESS_SECONDS = 3.0
"""How often a log gets the state of an ongoing step."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One line of the table at the end.

    Attributes:
        title: what was played.
        began, ended: seconds since the demo began.
        result: in a few words.
    """

    title: str
    began: float
    ended: float
    result: str


class Show:
    """Prints the story on stdout, each line with the seconds since the demo began."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            # A log is no 80 columns wide; a wrapped line could not be searched for.
            self.console.width = 160
        self._began = time.monotonic()
        self._status: Status | None = None
        self._last_progress = ("", 0.0)
        self.scenes: list[Scene] = []
        self._scene: tuple[str, float] | None = None

    @property
    def elapsed_seconds(self) -> float:
        """Return the seconds since the demo began."""
        return time.monotonic() - self._began

    def scene(self, title: str) -> None:
        """Begin a part of the story."""
        self._quiet()
        self._scene = (title, self.elapsed_seconds)
        self.console.print()
        self.console.rule(f"[bold]{title}[/]", align="left")

    def end_scene(self, result: str) -> None:
        """End the part of the story."""
        self._quiet()
        if self._scene is not None:
            title, began = self._scene
            self.scenes.append(Scene(title, began, self.elapsed_seconds, result))
            self._scene = None

    def say(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        from rich.text import Text

        self._quiet()
        self.console.print(self._stamped(Text(text, style=style)), soft_wrap=True)

    def outcome(self, outcome: Outcome) -> None:
        """Print an outcome: what was measured, and whether that is right."""
        mark, style = ("ok  ", "green") if outcome.right else ("WRONG", "bold red")
        detail = (
            outcome.found
            if outcome.right
            else (f"expected {outcome.expected}, found {outcome.found}")
        )
        self.say(f"{mark} {outcome.what}: {detail}", style)

    def progress(self, text: str) -> None:
        """Print the state of an ongoing step; in a terminal the next line replaces it."""
        from rich.markup import escape

        if self.console.is_terminal:
            if self._status is None:
                self._status = self.console.status(escape(text))
                self._status.start()
            self._status.update(escape(text))
            return
        last, at = self._last_progress
        if text != last and self.elapsed_seconds - at >= PLAIN_PROGRESS_SECONDS:
            self.say(f"... {text}")
            self._last_progress = (text, self.elapsed_seconds)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table."""
        from rich.markup import escape
        from rich.table import Table

        self._quiet()
        table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(escape(cell) for cell in row))
        self.console.print()
        self.console.print(table)

    def line(self, text: str = "") -> None:
        """Print a line without a time."""
        self._quiet()
        self.console.print(text, soft_wrap=True, markup=False)

    def close(self) -> None:
        """Restore the terminal."""
        self._quiet()

    def _stamped(self, text: object) -> object:
        from rich.text import Text

        return Text.assemble((f"{self.elapsed_seconds:6.1f} s  ", "dim"), text)  # type: ignore[arg-type]

    def _quiet(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None
