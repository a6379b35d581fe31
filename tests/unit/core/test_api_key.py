"""API keys as texts: their form, and how new ones are made."""

import pytest

from paylink.core import api_key
from paylink.core.api_key import MERCHANT, OPERATOR, key_prefix, make_key
from paylink.core.secret import Secret


@pytest.mark.parametrize("kind", [MERCHANT, OPERATOR])
def test_a_new_key_has_the_form_of_its_kind_and_is_not_made_again(kind: str):
    keys = [make_key(kind) for _ in range(200)]
    prefixes = {key_prefix(key) for key in keys}
    assert len(prefixes) == len(set(keys)) == 200
    assert all(prefix.startswith(f"{kind}_") for prefix in prefixes)


def test_no_new_key_looks_like_one_that_was_made_for_a_demo(monkeypatch: pytest.MonkeyPatch):
    """Production would refuse it."""
    texts = iter(["demo12345678", "demoabcdefgh", "a1b2c3d4e5f6", "x" * 40])
    monkeypatch.setattr(api_key, "_random_text", lambda length, letters: next(texts))
    assert make_key(MERCHANT) == Secret("plm_a1b2c3d4e5f6_" + "x" * 40)
