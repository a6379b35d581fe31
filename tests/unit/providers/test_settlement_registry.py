"""Which provider tells settlement lines in which way, and who pays for knowing it."""

import subprocess
import sys

import pytest

from paylink.providers.registry import UnknownProvider, provider_slugs, settlement_api, settlement_file

_CHECKOUT_AND_INTAKE = """
import sys
from paylink.providers.registry import enabled_providers, enabled_signatures, provider_slugs
slugs = provider_slugs()
[enabled_signatures(slugs)[slug].secret_field for slug in slugs]
[enabled_providers(slugs, {"PAYLINK_ENVIRONMENT": "test"})[slug].capabilities for slug in slugs]
print([name for name in sys.modules if "settlements" in name or name in ("csv", "tomllib")])
"""


@pytest.mark.parametrize("slug", provider_slugs())
def test_what_is_there_is_made_of_the_settings(slug: str):
    assert settlement_api(slug, {}) or settlement_file(slug, {})
    if settlement_api(slug, {}):
        with pytest.raises(ValueError, match="https"):
            settlement_api(slug, {f"PAYLINK_{slug.upper()}_API_BASE": "http://example.com"})


@pytest.mark.parametrize("slug", ["nobody", "settings", "", "..", "a.b"])
def test_an_unknown_provider_is_told(slug: str):
    for find in (settlement_api, settlement_file):
        with pytest.raises(UnknownProvider):
            find(slug, {})


def test_checkout_and_intake_do_not_import_it():
    told = subprocess.run([sys.executable, "-c", _CHECKOUT_AND_INTAKE], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
