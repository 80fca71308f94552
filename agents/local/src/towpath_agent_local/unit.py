"""The systemd unit of a local agent: of the machine, or of one user."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from towpath.agent.installation import Installation

RUN_AS = "towpath"
KEY_FILE = "/etc/towpath/agent.env"
USER_KEY_FILE = "%h/.config/towpath/agent.env"

OPTIONS = (
    click.Option(["--unit"], type=click.Choice(["system", "user"]), default="system", show_default=True, help="Of the machine, or yours."),
    click.Option(["--run-as"], default=RUN_AS, show_default=True, metavar="USER", help="Who runs it and its flows, as the machine's."),
)

# Directives that need no more than a user's own manager may have.
_EVERYWHERE = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
"""
_SYSTEM = """\
CapabilityBoundingSet=
ProtectSystem=full
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
"""


def unit(wanted: Installation, python: Path | None = None) -> str:
    """The unit.

    Args:
        wanted: The agent.
        python: The interpreter beside which `towpath` is installed; this process's when absent.
    """
    mine = wanted.options["unit"] == "user"
    program = (python or Path(sys.executable)).with_name("towpath")
    variables = {"TOWPATH_API_URL": wanted.client_settings.api_url}
    if not mine and wanted.trusted_keys():  # a user's own manager finds them in the user's home
        variables["TOWPATH_TRUSTED_KEYS"] = wanted.trusted_keys()
    command = " ".join(_quoted(word) for word in (str(program), "agent", "local", "start", *wanted.arguments))
    return "".join(
        [
            _how(mine, wanted.options["run_as"]),
            "[Unit]\n",
            f"Description=Towpath agent {_plain(wanted.settings.name)}\n",
            "" if mine else "Wants=network-online.target\nAfter=network-online.target\n",
            "\n[Service]\nType=exec\n",
            f"ExecStart={command}\n",
            *(f"Environment={_quoted(f'{name}={value}', command=False)}\n" for name, value in variables.items()),
            f"EnvironmentFile=-{USER_KEY_FILE if mine else KEY_FILE}\n",
            "" if mine else f"User={wanted.options['run_as']}\n",
            "WorkingDirectory=~\n",
            "# Runs outlive their agent, and so does what they see: only the agent is stopped, and /tmp stays the machine's.\n",
            "KillMode=process\n",
            "Restart=always\nRestartSec=2\n",
            _EVERYWHERE,
            "" if mine else _SYSTEM,
            f"\n[Install]\nWantedBy={'default' if mine else 'multi-user'}.target\n",
        ]
    )


def _how(mine: bool, run_as: str) -> str:
    folder, where, ctl = (
        ("~/.config/towpath", "~/.config/systemd/user/towpath-agent.service", "systemctl --user")
        if mine
        else ("/etc/towpath", "/etc/systemd/system/towpath-agent.service", "systemctl")
    )
    first = "loginctl enable-linger" if mine else f"useradd --system --create-home {run_as}"
    return (
        f"# {where}: a Towpath agent that runs flows as processes of this machine.\n"
        "#\n"
        f"#   {first}\n"
        f"#   install -D -m 600 /dev/stdin {folder}/agent.env <<< TOWPATH_API_KEY=twk_...    (where the API wants a key)\n"
        f"#   {ctl} daemon-reload && {ctl} enable --now towpath-agent\n\n"
    )


def _quoted(word: str, *, command: bool = True) -> str:
    """A word as a unit takes it: specifiers and, in a command, variables are not what is meant."""
    word = word.replace("%", "%%")
    if command:
        word = word.replace("$", "$$")
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./$-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("%", "%%")
