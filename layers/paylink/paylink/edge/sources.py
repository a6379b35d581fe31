"""Where a request came from, seen past the proxies that we trust."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_HOPS_MAX = 16
_ADDRESS_LENGTH_MAX = 45
"""A text longer than this, cut to one character more, is still no address: nothing long is parsed or kept."""

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class TrustedProxies:
    """The addresses whose `X-Forwarded-For` we believe: of all others, anybody could have written it."""

    networks: tuple[_Network, ...] = ()

    @classmethod
    def parse(cls, name: str, text: str) -> "TrustedProxies":
        """
        Read a comma-separated list of addresses and networks, such as `127.0.0.1, 10.0.0.0/8`.

        name: of the variable, for the message.

        Raises:
            ValueError: An item is neither, or a network that holds every address.
        """
        return cls(tuple(_network(name, item.strip()) for item in text.split(",") if item.strip()))

    def source(self, peer: str, forwarded_for: str) -> str:
        """
        Return the address that a request came from.

        peer: who connected to the gateway. forwarded_for: all values of X-Forwarded-For, in order, joined by commas.
        Each proxy appends the address that it was called from. So the right-most address that is no trusted proxy is
        the last one that we can believe: what stands to its left anybody may have sent. If all are trusted, it is the
        first. A list that cannot be read that far proves nothing, and the peer is taken.
        """
        source = _address(peer) if self.networks else None
        if source is None or not self._trusts(source):
            return str(source or peer)
        for item in reversed(forwarded_for.rsplit(",", _HOPS_MAX)[-_HOPS_MAX:]):
            hop = _address(item.strip()[: _ADDRESS_LENGTH_MAX + 1])
            if hop is None:
                return peer
            source = hop
            if not self._trusts(source):
                break
        return str(source)

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self.networks)


def _network(name: str, text: str) -> _Network:
    try:
        network = ip_network(text)
    except ValueError as exc:
        raise ValueError(
            f"{name} is a comma-separated list of addresses and networks such as 10.0.0.0/8: {exc}"
        ) from exc
    if network.prefixlen == 0:
        raise ValueError(f"{name} holds {network}: everybody would be trusted")
    return network


@lru_cache(maxsize=1024)
def _address(text: str) -> _Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # A scope is free text.
        return None if address.scope_id is not None else address.ipv4_mapped or address
    return address
