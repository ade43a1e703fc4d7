"""The component of `pipelines`: the demo."""

from __future__ import annotations

from infra.component import CommandEntry, Component, Section

_COMMANDS = (
    CommandEntry(
        "demo",
        "Play governed promotions, in two minutes",
        "pipelines.demo.command:demo",
        Section.RUN,
    ),
)


component = Component(name="pipelines", commands=_COMMANDS, order=400)
