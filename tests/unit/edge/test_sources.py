"""The address behind proxies: believed only as far as trusted ones vouch for it."""

import pytest

from paylink.edge.sources import TrustedProxies

PROXIES = TrustedProxies.parse("X", "127.0.0.1, 10.0.0.0/8, 2001:db8:1::/48")


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "source"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.1,10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "198.51.100.7, 198.51.100.1 , 10.1.2.3", "198.51.100.1"),
        ("127.0.0.1", "anything, 198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "2001:DB8:2::1, 2001:db8:1::5", "2001:db8:2::1"),
        ("::ffff:127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("127.0.0.1", "198.51.100.1, anything", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, ", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1:4711", "127.0.0.1"),
        ("127.0.0.1", "fe80::1%\u001b[31m", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.0/24", "127.0.0.1"),
        ("127.0.0.1", "0198.51.100.1", "127.0.0.1"),
        ("not an address", "198.51.100.1", "not an address"),
    ],
)
def test_the_source_is_the_last_address_that_a_trusted_proxy_saw(peer: str, forwarded_for: str, source: str):
    assert PROXIES.source(peer, forwarded_for) == source


@pytest.mark.parametrize("forwarded_for", ["", "198.51.100.1", "x" * 1000])
def test_without_trusted_proxies_only_the_peer_counts(forwarded_for: str):
    assert TrustedProxies.parse("X", "").source("127.0.0.1", forwarded_for) == "127.0.0.1"


def test_a_long_list_is_read_for_sixteen_hops_only():
    assert PROXIES.source("127.0.0.1", ",".join(["198.51.100.1"] + ["10.0.0.1"] * 15)) == "198.51.100.1"
    assert PROXIES.source("127.0.0.1", ",".join(["198.51.100.1"] + ["10.0.0.1"] * 10_000)) == "10.0.0.1"


@pytest.mark.parametrize("text", ["proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "127.0.0.1;10.0.0.1"])
def test_what_is_no_address_or_network_is_named(text: str):
    with pytest.raises(ValueError, match="PAYLINK_TRUSTED_PROXIES is a comma-separated list"):
        TrustedProxies.parse("PAYLINK_TRUSTED_PROXIES", f"127.0.0.1,{text}")


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
def test_nobody_trusts_everybody(text: str):
    with pytest.raises(ValueError, match=r"PAYLINK_TRUSTED_PROXIES holds .*: everybody would be trusted"):
        TrustedProxies.parse("PAYLINK_TRUSTED_PROXIES", text)
