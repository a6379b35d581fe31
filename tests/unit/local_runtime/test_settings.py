"""Where the gateway listens."""

import pytest

from paylink_local.settings import SettingsError, listen_address


@pytest.mark.parametrize("environ", [{}, {"PAYLINK_LISTEN_ADDRESS": ""}, {"PAYLINK_LISTEN_ADDRESS": "127.0.0.1"}])
def test_nobody_else_reaches_it_by_default(environ: dict[str, str]):
    assert listen_address(environ) == "127.0.0.1"


def test_every_interface_is_asked_for_by_its_address():
    assert listen_address({"PAYLINK_LISTEN_ADDRESS": "0.0.0.0"}) == "0.0.0.0"


@pytest.mark.parametrize("address", ["::", "localhost", "192.168.1.7", "*", "0", " 127.0.0.1"])
def test_any_other_address_is_refused_by_the_setting_s_name(address: str):
    """The stack's own checks ask on 127.0.0.1: both of these answer there."""
    with pytest.raises(SettingsError, match="PAYLINK_LISTEN_ADDRESS"):
        listen_address({"PAYLINK_LISTEN_ADDRESS": address})
