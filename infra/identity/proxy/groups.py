"""Reads a list of groups from a header."""

from __future__ import annotations

import re

from infra.identity.errors import CredentialMalformedError

_ITEM = re.compile(r'[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^",]*?))[ \t]*(,|$)')
"""A quoted string of RFC 9110, or a text without quotes and commas; then a comma or the end."""


def read_groups(header: str) -> list[str]:
    """Return the groups of a header, e.g. two for `risk, "CN=credit,OU=bank"`.

    Raises:
        CredentialMalformedError: a quote does not end, or stands inside of a group.
    """
    found: list[str] = []
    position = 0
    while position < len(header):
        item = _ITEM.match(header, position)
        if item is None:
            raise CredentialMalformedError(
                "expected groups separated by commas, those with commas in double quotes, found "
                "another form",
                hint='have the proxy send them as risk, "CN=credit,OU=bank"',
            )
        quoted, plain, _ = item.groups()
        group = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        if group:
            found.append(group)
        position = item.end()
    return found
