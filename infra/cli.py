"""Runs `acgs` as `python -m infra.cli`, which scripts call."""

from __future__ import annotations

from infra.console.cli import main

if __name__ == "__main__":
    main()
