"""Finds or installs the servers and prints which they are: `python -m infra.servers`.

Exit 3 when one is missing in CI, where nothing may be skipped; elsewhere the tests that need it
are skipped, aloud.
"""

from __future__ import annotations

import os
import sys

from infra.errors import PlatformError
from infra.servers import minio_program, postgres_programs


def main() -> int:
    """Find or install both servers and print which they are."""
    status = 0
    for find, obtain, task in (
        (postgres_programs.find, postgres_programs.obtain, "installing PostgreSQL"),
        (minio_program.find, minio_program.obtain, "building MinIO, once, some three minutes"),
    ):
        if find() is None:
            print(f"servers: {task}", file=sys.stderr, flush=True)
        try:
            print(f"servers: {obtain()}", file=sys.stderr, flush=True)
        except PlatformError as err:
            print(f"servers: {err}", file=sys.stderr)
            status = 3 if os.environ.get("CI") else 0
    return status


if __name__ == "__main__":
    sys.exit(main())
