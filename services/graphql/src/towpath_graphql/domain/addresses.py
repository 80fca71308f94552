"""Which addresses a hook may be sent to: those of the public internet, and networks that the installation allows.

Everything else is refused, or a tenant could make the service knock at what only it can reach: itself, its database, the cloud's metadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from towpath_proto.errors import Code, TowpathError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""IPv6 addresses with an IPv4 address in their last 32 bits, which a gateway on the way may take out."""
_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv4Network("100.64.0.0/10"), IPv4Network("198.18.0.0/15"))
"""What some versions of Python count as public; a cloud's metadata lies in the first."""
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation.

    Raises:
        TowpathError: `BAD_SETTING`.
    """
    try:
        return tuple(ip_network(text.strip()) for text in texts if text.strip())
    except ValueError as e:
        raise TowpathError(Code.BAD_SETTING, f"TOWPATH_HOOK_NETWORKS takes networks such as 10.1.0.0/16, with commas: {e}.") from None


def may_reach(text: str, allowed: Iterable[Network] = ()) -> bool:
    """Whether a hook may be sent to this address.

    Args:
        text: An IP address as text; with a zone it is link-local and refused.
        allowed: Networks that are allowed whatever they are.
    """
    try:
        address = _inner(ip_address(text))
    except ValueError:
        return False
    if address is None or getattr(address, "scope_id", None):
        return False
    if any(address in network for network in allowed):
        return True
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def _inner(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 one stands for; None for tunnels, whose end nobody here knows."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _TUNNELS):
        return None
    if any(address in network for network in _TRANSLATED) and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
