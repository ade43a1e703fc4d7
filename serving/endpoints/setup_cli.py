"""`acgs setup`: what has to be installed before anything is served."""

from __future__ import annotations

import click


@click.command("setup", short_help="Install what model servers run in")
def setup() -> None:
    """Install the model servers' Python environment, if there is none; the rest needs no network.

    `acgs up` and `acgs demo` do it too. It goes into the user's cache folder.
    """
    from infra.configuration import load_settings
    from serving.engines.local.environment import provide

    click.echo(f"model servers run with {provide(load_settings())}")
