"""What `pipelines` adds to the platform: the demo."""

from __future__ import annotations

from infra.component import CommandEntry, Component

_COMMANDS = (
    CommandEntry(
        "demo",
        "Play one governed promotion after another, for real, in about two minutes.",
        "pipelines.demo.command:demo",
    ),
)


component = Component(name="pipelines", commands=_COMMANDS, order=400)
