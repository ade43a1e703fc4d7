"""The settings of the git tags."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from infra.settings import Group


class GitSettings(Group):
    """Which repository gets the tags, and how they are made."""

    repository: Path | None = Field(
        None,
        validation_alias="ACGS_GIT_REPOSITORY",
        description="Git repository, bare or not, that gets a tag for every version and every "
        "change of stage; empty means none.",
    )
    remote: str = Field(
        "",
        validation_alias="ACGS_GIT_REMOTE",
        description="Name or URL of the remote that the tags are pushed to; empty means none.",
    )
    sign: Literal["auto", "always", "never"] = Field(
        "auto",
        validation_alias="ACGS_GIT_SIGN",
        description="Whether the tags are signed; auto does as git's own tag.gpgSign says.",
    )
    signing_key: str = Field(
        "",
        validation_alias="ACGS_GIT_SIGNING_KEY",
        description="Path of an SSH key, or id of an OpenPGP key, for the tags; "
        "empty means git's own user.signingKey.",
    )
    email: str = Field(
        "acgs@localhost",
        validation_alias="ACGS_GIT_EMAIL",
        description="E-mail address in the tags; their name is who acted.",
    )
    timeout_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        validation_alias="ACGS_GIT_TIMEOUT_SECONDS",
        description="Longest that one git command may take, a push among them.",
    )
