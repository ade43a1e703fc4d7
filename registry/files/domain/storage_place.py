"""Gives each location of files one spelling, so that two URIs of one folder compare equal.

Percent escapes are undone until none is left, as MLflow's server undoes them, and `.`, `..` and
double slashes are resolved. What is only reachable through the server's artifact proxy begins
with `proxy:`; `either` adds the name of the same location behind the proxy.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlparse

PROXY = "proxy:"
_PROXY_ROUTE = "/mlflow-artifacts/artifacts/"


def storage_place(uri: str) -> str:
    """Return the one spelling of a URI or path.

    Examples:
        `mlflow-artifacts:/1//models/./m` -> `proxy:1/models/m`
        `file:///srv/a/../b/` -> `file:/srv/b`
        `s3://bucket/x%2Fy` -> `s3://bucket/x/y`
    """
    parsed = urlparse(uri)
    path = decoded(parsed.path)
    if parsed.scheme == "mlflow-artifacts":
        return PROXY + normal(path)
    if parsed.scheme in {"http", "https"} and _PROXY_ROUTE in f"{path}/":
        return PROXY + normal(f"{path}/".partition(_PROXY_ROUTE)[2])
    if parsed.scheme in {"", "file"}:
        # A path may hold what a URL gives a meaning to.
        whole = path if parsed.scheme else decoded(uri)
        return f"file:/{normal(whole)}"
    return f"{parsed.scheme}://{parsed.netloc}/{normal(path)}"


def decoded(text: str) -> str:
    """Undo percent escapes until none is left."""
    while (plain := unquote(text)) != text:
        text = plain
    return text


def normal(path: str) -> str:
    """Resolve a path's `.`, `..` and double slashes; no slash at either end."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def join(place: str, *relative: str) -> str:
    """Return the location of a path below a location."""
    root = root_of(place)
    return root + normal("/".join((place[len(root) :], *relative)))


def either(place: str, destination: str) -> tuple[str, ...]:
    """Return both names of a location: in front of the artifact proxy and behind it.

    Args:
        place: of any kind.
        destination: where the proxy keeps what it is given, as a place.
    """
    if place.startswith(PROXY):
        return place, join(destination, place.removeprefix(PROXY))
    inside = destination.rstrip("/") + "/"
    if place == destination or place.startswith(inside):
        return place, PROXY + place[len(inside) :]
    return (place,)


def ancestors(place: str) -> Iterable[str]:
    """Yield a location and every folder that contains it, up to the root of its store."""
    root = root_of(place)
    parts = place[len(root) :].split("/") if len(place) > len(root) else []
    for count in range(len(parts), -1, -1):
        yield root + "/".join(parts[:count])


def below(place: str) -> tuple[str, str]:
    """Return the half-open range, in code point order, of everything in a location."""
    first = place if place == PROXY else place.rstrip("/") + "/"
    return first, first[:-1] + chr(ord(first[-1]) + 1)


def shown(place: str) -> str:
    """Return a location as people write it."""
    if place.startswith(PROXY):
        return "mlflow-artifacts:/" + place.removeprefix(PROXY)
    return place.removeprefix("file:")


def root_of(place: str) -> str:
    """Return the part of a location that names its store."""
    if place.startswith(PROXY):
        return PROXY
    if place.startswith("file:/"):
        return "file:/"
    scheme, _, rest = place.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/"
