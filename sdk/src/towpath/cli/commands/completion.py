"""`towpath completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands and options in your shell.

    \b
    Examples:
      eval "$(towpath completion bash)"                              # in ~/.bashrc
      eval "$(towpath completion zsh)"                               # in ~/.zshrc
      towpath completion fish > ~/.config/fish/completions/towpath.fish
    """
    from click.shell_completion import get_completion_class

    from towpath.cli.app import towpath

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(towpath, {}, "towpath", "_TOWPATH_COMPLETE").source())
