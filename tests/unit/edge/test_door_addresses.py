"""By which address wrong keys are counted."""

import pytest

from paylink.edge.door import _bucket


@pytest.mark.parametrize(
    ("source", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("-", "-"),
    ],
)
def test_an_address_stands_for_whoever_has_it(source: str, counted: str):
    assert _bucket(source) == f"bad-keys:{counted}"
