"""As whom an embedded server runs, and whether that account can reach a path.

PostgreSQL refuses to run as root. When we are root, both servers run as an unprivileged account that exists already; no account is made
and no permission outside our own directories is changed.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from towpath_proto.errors import Code, TowpathError


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An existing account of the system.

    Attributes:
        name: Its login name.
        uid: Its user id.
        gid: Its group id.
    """

    name: str
    uid: int
    gid: int


def server_account(name: str = "nobody") -> Account | None:
    """The account to drop to when this process is root; None when it is an ordinary user, which keeps its own."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise TowpathError(
            Code.BAD_SETTING,
            f"PostgreSQL refuses to run as root and this system has no account '{name}' to run it as; start Towpath as an ordinary user.",
            account=name,
        ) from None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def can_traverse(account: Account, path: Path) -> bool:
    """Whether `account` may pass through `path` and every directory above it (mode bits only; access lists are not asked)."""
    for directory in (path, *path.parents):
        info = directory.stat()
        if info.st_uid == account.uid:
            allowed = info.st_mode & stat.S_IXUSR
        elif info.st_gid == account.gid:
            allowed = info.st_mode & stat.S_IXGRP
        else:
            allowed = info.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True
