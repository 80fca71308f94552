"""Who asks: the admin secret, the role and the session variables of a request's headers.

Without the admin secret nothing that starts with `x-hasura-` is believed: such a caller is refused or, where the deployment
names a role for strangers, has that role and no session variables, and may not ask for the turns of streams. Where no secret
is configured (loopback only) every caller is trusted, and is admin unless it asks for less.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from towpath_read_engine.engine import ROLE, Session
from towpath_read_engine.errors import DialectCode, ReadError
from towpath_read_engine.roles import ADMIN

SECRET_HEADERS = ("x-hasura-admin-secret", "x-hasura-access-key")
_SESSION_PREFIX = "x-hasura-"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Callers:
    """What the deployment says of callers.

    Attributes:
        admin_secret: what a trusted caller sends; None trusts everybody.
        unauthorized_role: the role of callers without the secret; None refuses them. Never `admin`.
    """

    admin_secret: str | None = None
    unauthorized_role: str | None = None

    def session(self, headers: Mapping[str, str]) -> Session:
        """The session of a request, whose header names are in lower case.

        Raises:
            ReadError: the caller is refused.
        """
        sent = {name: value for name, value in headers.items() if name.startswith(_SESSION_PREFIX)}
        given = next((sent[name] for name in SECRET_HEADERS if name in sent), None)
        for name in SECRET_HEADERS:
            sent.pop(name, None)
        if self.admin_secret is not None:
            if given is None and self.unauthorized_role is not None:
                return Session(role=self.unauthorized_role, is_trusted=False)
            if given is None:
                raise ReadError(DialectCode.ACCESS_DENIED, "x-hasura-admin-secret/x-hasura-access-key required, but not found")
            if not hmac.compare_digest(given.encode(), self.admin_secret.encode()):
                raise ReadError(DialectCode.ACCESS_DENIED, "invalid x-hasura-admin-secret/x-hasura-access-key")
        return Session(role=sent.get(ROLE, ADMIN), variables=sent)

    def require_admin(self, headers: Mapping[str, str]) -> None:
        """Refuse everybody but the admin.

        Without a secret a web page in the same person's browser could pose as one; it can neither send JSON by its content
        type without asking first, nor name a loopback address in `Host` when it came by another name.

        Raises:
            ReadError: the caller is not the admin.
        """
        if self.session(headers).role != ADMIN:
            raise ReadError(DialectCode.ACCESS_DENIED, "restricted access : admin only")
        if self.admin_secret is None:
            is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
            if not is_json or urlsplit(f"//{headers.get('host', '')}").hostname not in LOOPBACK:
                raise ReadError(
                    DialectCode.ACCESS_DENIED, "without an admin secret only application/json to a loopback address is taken here"
                )
