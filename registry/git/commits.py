"""Looks for commits that training code says it was made from."""

from __future__ import annotations

import logging

from infra.settings import Settings
from registry.git.adapters.repository import Repository
from registry.git.errors import GitError
from registry.git.settings import GitSettings

_logger = logging.getLogger(__name__)


def is_known(settings: Settings, commit: str | None) -> bool | None:
    """Return whether the repository has a commit; None without a repository or a commit.

    A repository that cannot be read knows no commit: nothing is proven by a failure.
    """
    chosen = settings.of(GitSettings).repository
    if chosen is None or not commit:
        return None
    try:
        return Repository(chosen.expanduser().absolute()).has_commit(commit)
    except GitError as err:
        _logger.warning("commit %s was not looked for: %s", commit, err.message)
        return False
