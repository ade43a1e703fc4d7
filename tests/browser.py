"""The Chromium that browser tests drive: found on the machine, or installed when root may.

`python -m tests.browser` makes sure there is one. Playwright's own download is never used:
it comes from a host that a closed network does not reach.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
INSTALL_LIMIT_SECONDS = 600


class NoBrowserError(RuntimeError):
    """There is no Chromium, and none can be installed."""


def find() -> Path | None:
    """Return the browser of this machine, if it has one."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named)
    found = (shutil.which(name) for name in NAMES)
    return next((Path(path) for path in found if path), None)


def ensure() -> Path:
    """Return the browser, after installing it where that is possible.

    Raises:
        NoBrowserError: it is absent and cannot be installed; says what to do.
    """
    browser = find()
    if browser is not None:
        return browser
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("tests: installing chromium for the browser tests", file=sys.stderr)
        _apt("update", "-qq")
        _apt("install", "-y", "-qq", "--no-install-recommends", "chromium")
        browser = find()
    if browser is None:
        raise NoBrowserError(
            "the browser tests need Chromium: expected one of "
            f"{', '.join(NAMES)} on PATH, found none. What to do: install it "
            "(Debian: apt-get install chromium), or name one: CHROMIUM=/path make test"
        )
    return browser


def _apt(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise NoBrowserError(f"apt-get {' '.join(arguments)} failed: {done.stderr[-1000:]}")


def main() -> int:
    """Make sure there is a browser; exit 3 with the reason if there cannot be."""
    try:
        ensure()
    except (NoBrowserError, subprocess.TimeoutExpired) as err:
        print(f"error: {err}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
