"""`towpath version`."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def version(as_json: bool) -> None:
    """Show the version of towpath and of this Python.

    \b
    Example:
      towpath version
    """
    import platform

    from towpath_proto import __version__

    if as_json:
        from towpath.cli.output import print_json

        print_json({"towpath": __version__, "python": platform.python_version()})
    else:
        click.echo(f"towpath {__version__} (Python {platform.python_version()})")
