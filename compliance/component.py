"""What compliance adds to the platform."""

from __future__ import annotations

from infra.component import Component

component = Component(name="compliance", order=20)
