"""The settings of the git tags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.setting import OneOf, Place, Text, number, setting


@dataclass(frozen=True)
class GitSettings:
    """Which repository gets the tags, and how they are made."""

    repository: Path | None = setting(
        "ACGS_GIT_REPOSITORY",
        None,
        "Git repository, bare or not, that gets a tag for every version and every "
        "change of stage; empty means none.",
        Place(),
    )
    remote: str = setting(
        "ACGS_GIT_REMOTE",
        "",
        "Name or URL of the remote that the tags are pushed to; empty means none.",
        Text(),
    )
    sign: Literal["auto", "always", "never"] = setting(
        "ACGS_GIT_SIGN",
        "auto",
        "Whether the tags are signed; auto does as git's own tag.gpgSign says.",
        OneOf(("auto", "always", "never")),
    )
    signing_key: str = setting(
        "ACGS_GIT_SIGNING_KEY",
        "",
        "Path of an SSH key, or id of an OpenPGP key, for the tags; "
        "empty means git's own user.signingKey.",
        Text(),
    )
    email: str = setting(
        "ACGS_GIT_EMAIL",
        "acgs@localhost",
        "E-mail address in the tags; their name is who acted.",
        Text(),
    )
    timeout_seconds: float = setting(
        "ACGS_GIT_TIMEOUT_SECONDS",
        60.0,
        "Longest that one git command may take, a push among them.",
        number(more_than=0, at_most=3600),
    )
