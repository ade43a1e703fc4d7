"""Reads the document of roles: what its YAML may say, strictly typed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic import model_validator as checked_whole

from infra.schema_errors import explain
from registry.access.domain.rules import Grant, Grantee, Role, Roles
from registry.access.domain.verbs import ASKABLE, OF_ROLES, Verb
from registry.access.errors import AccessInvalidError
from registry.domain.values import Enforcement, Stage
from registry.governance.domain.governance import Pattern

# YAML has lists only.
_Listed = BeforeValidator(lambda raw: tuple(raw) if isinstance(raw, list) else raw)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def _verb(raw: str) -> str:
    if raw not in OF_ROLES:
        raise ValueError(f"expected one of {', '.join(OF_ROLES)}, found {raw!r}")
    return raw


def _stage(raw: str) -> str:
    if raw not in ASKABLE:
        raise ValueError(f"expected {' or '.join(ASKABLE)}, found {raw!r}")
    return raw


def _pattern(raw: str) -> str:
    return Pattern(raw, Enforcement.ENFORCE).pattern


def _grantee(raw: str) -> str:
    return Grantee.read(raw).text


_Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)]


class _Role(_Strict):
    id: _Id
    title: str = Field("", max_length=200)
    may: Annotated[tuple[Annotated[str, AfterValidator(_verb)], ...], _Listed] = Field(min_length=1)


class _Grant(_Strict):
    role: _Id
    to: Annotated[tuple[Annotated[str, AfterValidator(_grantee)], ...], _Listed] = Field(
        min_length=1
    )
    names: Annotated[
        tuple[Annotated[str, Field(min_length=1), AfterValidator(_pattern)], ...], _Listed
    ] = Field(("*",), min_length=1)
    stages: Annotated[tuple[Annotated[str, AfterValidator(_stage)], ...], _Listed] = ()


class Document(_Strict):
    """The whole document."""

    api_version: Literal["acgs.access/v1"]
    kind: Literal["Access"]
    roles: Annotated[tuple[_Role, ...], _Listed] = Field(min_length=1)
    grants: Annotated[tuple[_Grant, ...], _Listed] = Field(min_length=1)

    @checked_whole(mode="after")
    def _roles_are_known(self) -> Document:
        ids = [role.id for role in self.roles]
        for one in ids:
            if ids.count(one) > 1:
                raise ValueError(f"ids of roles must be unique, found {one!r} twice")
        for position, grant in enumerate(self.grants):
            if grant.role not in ids:
                raise ValueError(
                    f"grants[{position}]: expected a role of this document "
                    f"({', '.join(ids)}), found {grant.role!r}"
                )
        return self


def parse(value: object, where: str) -> Roles:
    """Return the roles that a document gives.

    Args:
        value: the plain values of the YAML document.
        where: what to call it in an error.

    Raises:
        AccessInvalidError: it is not valid; names each place.
    """
    try:
        document = Document.model_validate(value)
    except ValidationError as err:
        keys = {*Document.model_fields, *_Role.model_fields, *_Grant.model_fields}
        raise AccessInvalidError(
            f"{where}:\n  {explain(err, keys)}", hint="correct those lines: acgs access check FILE"
        ) from err
    roles = {one.id: Role(one.id, frozenset(map(Verb, one.may))) for one in document.roles}
    return Roles(
        tuple(
            Grant(
                roles[one.role],
                tuple(map(Grantee.read, one.to)),
                one.names,
                frozenset(map(Stage, one.stages)),
            )
            for one in document.grants
        )
    )
