"""Reads YAML strictly: plain values only, and no repeated key.

PyYAML keeps the last of two equal keys without a word, so that a second `min_score:` further
down could quietly undo the first.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from infra.errors import PlatformError

MAX_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a repeated key."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _value in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(
                    None, None, f"line {line}: key {key!r} is repeated here"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read(path: Path, error: type[PlatformError]) -> object:
    """Return the plain values in a YAML file.

    Raises:
        error: the file is missing, larger than `MAX_BYTES`, not YAML, or repeats a key.
    """
    try:
        text = path.read_bytes()
    except OSError as err:
        raise error(f"{path}: expected a readable YAML file, found: {err.strerror}") from err
    if len(text) > MAX_BYTES:
        raise error(f"{path}: expected at most {MAX_BYTES} bytes, found {len(text)}")
    try:
        value: object = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as err:
        detail = getattr(err, "problem", None) or str(err)
        raise error(
            f"{path}: expected valid YAML without repeated keys, found: {detail}",
            hint="correct that line",
        ) from err
    return value
