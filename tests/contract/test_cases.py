"""Every recorded case of every provider: its webhooks and answers, word for word, and what they must mean."""

from datetime import UTC, datetime

import pytest

from paylink.providers.port import ProviderError, UnreadableEvent, WebhookRefused
from paylink.providers.registry import enabled_providers, enabled_signatures, provider_slugs
from paylink.providers.settlements import UnreadableFile
from support.recorded import Exchanges, RecordedCase, call, list_or_read, load_cases, told_event, told_result
from support.serving import serving
from support.stack import REPOSITORY

CASES = load_cases(REPOSITORY / "layers" / "paylink" / "paylink" / "providers")
WEBHOOKS = [case for case in CASES if "webhook" in case.told]
OF_SETTLEMENTS = ("list_lines", "read_lines")
SETTLEMENTS = [case for case in CASES if case.told.get("call") in OF_SETTLEMENTS]
CALLS = [case for case in CASES if "call" in case.told and case not in SETTLEMENTS]


@pytest.mark.parametrize("slug", provider_slugs())
def test_each_provider_has_cases_of_every_kind(slug: str):
    assert any(case.slug == slug for case in WEBHOOKS)
    assert {case.told["call"] for case in CALLS if case.slug == slug} >= {"create_payment", "fetch_payment"}
    assert any(case.slug == slug for case in SETTLEMENTS)


def test_a_case_is_a_webhook_or_a_call_and_names_its_source():
    for case in CASES:
        assert ("webhook" in case.told) != ("call" in case.told), case.name
        assert case.told["source"], case.name


@pytest.mark.parametrize("case", WEBHOOKS, ids=lambda case: case.name)
def test_a_recorded_webhook(case: RecordedCase):
    """Verified as recorded or refused for the recorded reason; mapped as recorded, or told to be unreadable."""
    provider = enabled_providers([case.slug], {"PAYLINK_ENVIRONMENT": "test"})[case.slug]
    signature = enabled_signatures([case.slug])[case.slug]
    told, webhook = case.told, case.told["webhook"]
    raw = webhook["body"].encode()
    now = datetime.fromisoformat(webhook["now"]) if "now" in webhook else datetime.now(UTC)
    if "refused" in told:
        with pytest.raises(WebhookRefused) as refused:
            signature.verify(raw, webhook["headers"], case.account.credentials, now)
        assert refused.value.reason == told["refused"]
        return
    verified = signature.verify(raw, webhook["headers"], case.account.credentials, now)
    assert {"event_id": verified.event_id, "assurance": verified.assurance.value} == told["verified"]
    if told["event"] == "unreadable":
        with pytest.raises(UnreadableEvent):
            provider.map_webhook(raw)
    else:
        assert told_event(provider.map_webhook(raw)) == told["event"]


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.name)
def test_a_recorded_call(case: RecordedCase):
    """The adapter sends what was recorded, in that order, and makes of the answers what was recorded."""
    exchanges = Exchanges(list(case.told["exchanges"]))
    with serving(exchanges.handler()) as address:
        settings = {"PAYLINK_ENVIRONMENT": "test", f"PAYLINK_{case.slug.upper()}_API_BASE": address}
        provider = enabled_providers([case.slug], settings)[case.slug]
        if "error" in case.told:
            with pytest.raises(ProviderError) as caught:
                call(provider, case)
            exc = caught.value
            error = {"kind": exc.kind.value, "code": exc.code, "effect": exc.effect.value}
            assert error | ({"field": exc.field} if exc.field else {}) == case.told["error"]
        else:
            assert told_result(call(provider, case)) == case.told["result"]
    assert not exchanges.wrong, "\n".join(exchanges.wrong)
    assert not exchanges.expected, f"never asked: {exchanges.expected}"


@pytest.mark.parametrize("case", SETTLEMENTS, ids=lambda case: case.name)
def test_recorded_settlement_lines(case: RecordedCase):
    """The lines that a page of a list, or a file, must give; or why they cannot be read."""
    exchanges = Exchanges(list(case.told.get("exchanges", ())))
    with serving(exchanges.handler()) as address:
        settings = {"PAYLINK_ENVIRONMENT": "test", f"PAYLINK_{case.slug.upper()}_API_BASE": address}
        if "error" in case.told:
            with pytest.raises(ProviderError) as failed:
                list_or_read(case, settings)
            exc = failed.value
            assert {"kind": exc.kind.value, "code": exc.code, "effect": exc.effect.value} == case.told["error"]
        elif "unreadable" in case.told:
            with pytest.raises(UnreadableFile) as caught:
                list_or_read(case, settings)
            assert str(caught.value) == case.told["unreadable"]
        else:
            assert list_or_read(case, settings) == case.told["result"]
    assert not exchanges.wrong, "\n".join(exchanges.wrong)
    assert not exchanges.expected, f"never asked: {exchanges.expected}"
