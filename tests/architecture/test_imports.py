from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).parents[2]


def test_packages_import_downwards_only_and_rules_do_no_io() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=CLONE, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_help_loads_none_of_the_heavy_libraries() -> None:
    """`acgs --help` must stay fast; it imports no command, so nothing that a command needs."""
    heavy = ["mlflow", "pandas", "numpy", "sqlalchemy", "pydantic", "fastapi", "httpx", "rich"]
    heavy += ["registry.commands", "infra.settings", "infra.console.platform_cli"]
    code = (
        "import sys; from infra.console import cli; assert cli.invoke(['--help']) == 0;"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CLONE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
