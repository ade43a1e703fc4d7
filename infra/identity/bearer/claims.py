"""Says who the claims of a token are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.identity.bearer.errors import WrongClaimsError
from infra.identity.names import check_groups, check_proven
from infra.identity.principal import Kind, Principal, Source


def principal_of(claims: Mapping[str, Any], name_claim: str, groups_claim: str) -> Principal:
    """Return the principal of a token that was proven.

    Args:
        claims: of the token.
        name_claim: which claim is the name; `realm.name` means `name` inside of `realm`.
        groups_claim: which claim holds the groups, as a list of texts or one text.

    Raises:
        WrongClaimsError: the name is missing, or a claim is of another form.
        NameUnusableError: the name or a group is none that people can read.
    """
    name = _find(claims, name_claim)
    if not isinstance(name, str):
        raise WrongClaimsError(
            f"expected the name as a text in the claim {name_claim}, found "
            + ("none" if name is None else type(name).__name__),
            hint="have the issuer send it, or set ACGS_JWT_NAME_CLAIM",
        )
    return Principal(check_proven(name), _kind(claims), _groups(claims, groups_claim), Source.JWT)


def _groups(claims: Mapping[str, Any], groups_claim: str) -> tuple[str, ...]:
    found = _find(claims, groups_claim)
    if found is None:
        return ()
    # One text is one group: a name may hold commas and spaces.
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(group, str) for group in listed):
        raise WrongClaimsError(
            f"expected groups as a list of texts in the claim {groups_claim}, found another form",
            hint="have the issuer send a list, or set ACGS_JWT_GROUPS_CLAIM",
        )
    return check_groups(listed)


def _find(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:  # names with dots, such as addresses, come first
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _kind(claims: Mapping[str, Any]) -> Kind:
    """Tell a service from a person, as far as issuers do.

    RFC 9068 makes a client that acts for nobody its own subject; Entra ID and Auth0 say so.
    """
    client = claims.get("client_id") or claims.get("azp")
    is_service = (
        (client is not None and client == claims.get("sub"))
        or claims.get("idtyp") == "app"
        or claims.get("gty") == "client-credentials"
        or str(claims.get("preferred_username", "")).startswith("service-account-")
    )
    return Kind.SERVICE if is_service else Kind.PERSON
