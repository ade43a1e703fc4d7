"""A deployer in a process of its own, so that a test can kill it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from infra.settings import Settings
from serving.bootstrap import open_deployer
from serving.settings import ServingSettings
from tests.integration.serving.kit import backend_command


def main() -> None:
    root, gateway, admin = sys.argv[1:]
    settings = Settings(storage_root=Path(root)).having(
        ServingSettings(gateway_port=int(gateway), gateway_admin_port=int(admin))
    )
    with open_deployer(settings, command=backend_command) as deployer:
        # Before the first tick: a test may kill it in the middle of that one, too.
        settings.folder("run").joinpath("deployer-began").write_text(str(os.getpid()))
        while True:
            deployer.tick()
            time.sleep(0.05)


if __name__ == "__main__":
    main()
