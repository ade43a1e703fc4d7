"""Tags follow the registry: each event once, whatever happens between."""

from __future__ import annotations

from registry.domain.values import Stage
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk


def test_a_version_is_tagged_when_registered_and_each_time_it_moves(desk: Desk) -> None:
    first = desk.register()
    desk.move(first, Stage.STAGING)
    desk.move(first, Stage.PRODUCTION)
    desk.sync()
    assert kit.tags(desk.repository) == [
        "credit#prod#3",
        "credit#staging!#2",
        "credit#staging#1",
        "credit@v1.0.0",
    ]
