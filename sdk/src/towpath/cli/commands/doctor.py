"""`towpath doctor`: check every hop, and say which is broken and what to do."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from towpath.cli.output import json_option, print_json
from towpath.cli.style import clean, colored, speaks_unicode

if TYPE_CHECKING:
    from towpath.cli.doctor.finding import Finding

_SIGNS = {"ok": ("✓", "+", "Success"), "warning": ("!", "!", "Retrying"), "failed": ("✗", "x", "Failed"), "skipped": ("·", "-", "Pending")}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check every hop from this machine to a running task, and say which is broken and what to do.

    Settings, signing key, the local server's data directory, network, gateway and each service behind it, clocks, identity, versions,
    reading, writing, subscriptions and events, trust, agents, and runs that nobody takes. It changes nothing: to prove that writing works,
    it registers an agent that no run matches, and forgets it. Exit status: 0 when nothing has failed, 1 otherwise.

    \b
    Examples:
      towpath doctor
      towpath doctor --json
    """
    from towpath.cli.doctor.examine import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            _print(finding)
    broken = [f.name for f in findings if f.status == "failed"]
    if as_json:
        print_json({"ok": not broken, "findings": [asdict(f) for f in findings]})
    elif broken:
        click.echo(f"\n{len(broken)} of {len(findings)} checks failed: {', '.join(dict.fromkeys(broken))}.")
    else:
        warnings = sum(f.status == "warning" for f in findings)
        noticed = f"; {warnings} worth a look" if warnings else ""
        click.echo(f"\nAll is well: {len(findings)} checks{noticed}.")
    raise click.exceptions.Exit(1 if broken else 0)


def _print(finding: Finding) -> None:
    sign, plain, state = _SIGNS[finding.status]
    shown = colored(state, text=sign if speaks_unicode(sys.stdout) else plain)
    click.echo(f"  {shown} {finding.name:<21} {clean(finding.detail)}")
    if finding.advice:
        click.echo(f"    {'':<21} {'→' if speaks_unicode(sys.stdout) else '->'} {finding.advice}")
