"""A secret shows in no way of printing; only `reveal()` gives it."""

import base64
import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import traceback
from dataclasses import dataclass

import pytest

from paylink.core.keyring import Keyring
from paylink.core.redaction import redact_value
from paylink.core.secret import Secret
from paylink.runtime.log_lines import HUMAN, JSON, write_line

MARK = "mark-of-the-secret"
SECRET = Secret(MARK)


@dataclass(frozen=True)
class Holder:
    name: str
    secret: Secret


WAYS = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "format": format,
    "format method": "{}".format,
    "format method of a field": lambda secret: "{0!r}".format(secret),  # noqa: UP030, UP032  # the way that is tested
    "percent s": lambda secret: "%s" % secret,  # noqa: UP031  # the way that is tested
    "percent r": lambda secret: "%r" % secret,  # noqa: UP031  # the way that is tested
    "f-string": lambda secret: f"{secret}",
    "f-string with its name": lambda secret: f"{secret=}",
    "padded": lambda secret: f"{secret:>10}",
    "list": lambda secret: str([secret]),
    "dict": lambda secret: repr({"secret": secret}),
    "dataclass": lambda secret: repr(Holder("n", secret)),
    "pprint": lambda secret: pprint.pformat({"holder": Holder("n", secret), "secrets": [secret]}),
    "json by str": lambda secret: json.dumps({"secret": secret}, default=str),
    "exception": lambda secret: str(ValueError(secret)),
    "exception's repr": lambda secret: repr(ValueError("bad", secret)),
    "key error": lambda secret: str(KeyError(secret)),
    "redacted": lambda secret: str(redact_value({"secret": [secret]})),
    "line": lambda secret: write_line({"message": secret, "facts": {"secret": secret}}, JSON),
    "line for a person": lambda secret: write_line({"message": secret, "facts": {"secret": secret}}, HUMAN),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_it_prints_as_stars(way):
    shown = way(SECRET)
    assert MARK not in shown
    assert "***" in shown


def test_a_traceback_with_locals_does_not_show_it():
    def fail(secret: Secret) -> None:
        held = {"secret": secret}
        raise ValueError(held)

    try:
        fail(SECRET)
    except ValueError as exc:
        lines = list(traceback.TracebackException.from_exception(exc, capture_locals=True).format())
    text = "".join(lines)
    assert "held = " in text
    assert MARK not in text


@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy, copy.copy, json.dumps, dataclasses.astuple])
def test_it_is_refused_where_it_would_be_copied_or_sent(way):
    """Pickles go to other processes; JSON goes anywhere."""
    with pytest.raises(TypeError) as refused:
        way(Holder("n", SECRET) if way is dataclasses.astuple else SECRET)
    assert MARK not in str(refused.value)


def test_a_logger_of_the_standard_library_shows_stars():
    out = io.StringIO()
    logger = logging.Logger("here")
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(message)s %(secret)s"))
    logger.addHandler(handler)
    logger.warning("it is %s, %r", SECRET, SECRET, extra={"secret": SECRET})
    assert out.getvalue() == "it is ***, *** ***\n"


def test_it_has_no_attributes_to_look_through():
    assert not hasattr(SECRET, "__dict__")
    with pytest.raises(TypeError):
        vars(SECRET)


def test_a_keyring_shows_the_names_of_its_keys_only():
    key = b"0123456789abcdef0123456789abcdef"
    ring = Keyring.parse("X", Secret(f"k1:{base64.b64encode(key).decode()}"))
    for shown in (repr(ring), str(ring), pprint.pformat(ring), f"{ring}"):
        assert "k1" in shown
        assert "0123456789" not in shown


@pytest.mark.parametrize("text", ["k1:mark-of-the-secret", "mark-of-the-secret:k1", "mark-of-the-secret", "k1:QUJD"])
def test_a_keyring_that_is_wrong_is_not_repeated(text: str):
    """Not even where key and id were exchanged."""
    with pytest.raises(ValueError, match=r"^X: ") as refused:
        Keyring.parse("X", Secret(f"k0:{base64.b64encode(bytes(32)).decode()},{text}"))
    assert MARK not in str(refused.value)
