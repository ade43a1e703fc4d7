"""`acgs completion`: prints the code by which a shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_ACGS_COMPLETE"
"""Where click looks, for a program named acgs."""


@click.command("completion", short_help="Complete commands in your shell")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the code that lets SHELL complete commands and options.

    \b
    bash   echo 'eval "$(acgs completion bash)"' >>~/.bashrc
    zsh    echo 'eval "$(acgs completion zsh)"' >>~/.zshrc
    fish   acgs completion fish >~/.config/fish/completions/acgs.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, shell
    click.echo(kind(ctx.find_root().command, {}, "acgs", _VARIABLE).source())
