"""What the fields of requests mean. What they must be, their models in `paylink.runtime` say themselves."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from paylink.core.api_key import MERCHANT_SCOPES, OPERATOR_SCOPES
from paylink.providers.registry import provider_slugs
from paylink.runtime.checkout_request import AUTO
from paylink.runtime.query import LIMIT_MAX
from paylink.runtime.strict_body import Described, StrictModel, Text

_Text = Annotated[Text, Field(min_length=1, max_length=300)]
_Moment = Annotated[str, Described(format="date-time")]


class RedriveRequest(StrictModel):
    """Which dead events. The function reads it as it reads the query of their list."""

    reason: _Text = ""
    provider: _Text = ""
    account: _Text = ""
    event_id: _Text = ""
    since: _Moment = ""
    until: _Moment = ""
    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = 50
    cursor: Annotated[str, Described(format="uuid")] = ""


_AMOUNT = "In the smallest unit that people pay with: whole rupiah, cents, whole yen."
_METADATA = "Names with texts of yours, at most 8 KiB of UTF-8 in all."

NOTES: Mapping[str, Mapping[str, str]] = {
    "CheckoutRequest": {
        "provider": "An enabled provider. Left out, or `auto`: your routing decides.",
        "amount": _AMOUNT,
        "currency": "ISO 4217, upper case; one that the provider takes.",
        "order_reference": "Your own name for the order.",
        "success_url": "Where the payer goes after paying. Reaching it proves nothing: ask for the transaction.",
        "failure_url": "Where the payer goes when turning back.",
        "description": "Shown on the payment page.",
        "customer": "The payer, as far as the provider may know.",
        "items": "The lines of the order. Their sum must be `amount`.",
        "payment_methods": "The page offers these alone, as far as the provider has them for the currency.",
        "metadata": f"{_METADATA} Kept, and sent along to the provider.",
        "expires_in_s": "The page's life in seconds, within what the provider allows; by default about a day.",
        "capture": "`manual`: the money is only held until you capture it, where the provider can.",
    },
    "CustomerFields": {
        "name": "As the payer writes it.",
        "email": "The provider may show it to the payer; PayLink sends nothing there.",
        "phone": "International: `+` and digits.",
    },
    "ItemFields": {
        "name": "As the payer shall see it.",
        "quantity": "How many.",
        "unit_amount": f"The price of one. {_AMOUNT}",
    },
    "CaptureRequest": {"amount": f"Without it all that is held. {_AMOUNT}"},
    "RefundRequest": {
        "amount": f"Without it all that is left. {_AMOUNT}",
        "reason": "For you and, where it takes one, for the provider.",
        "metadata": f"{_METADATA} Kept by PayLink.",
    },
    "RoutingRequest": {
        "rules": "The first that matches decides; `[]` takes them all away.",
        "version": "The version that they replace.",
    },
    "RuleFields": {
        "currency": "Orders in this currency only.",
        "amount_min": "Orders from this amount only; needs `currency`.",
        "amount_max": "Orders up to this amount only; needs `currency`.",
        "payment_methods": "Orders that allow one of these only.",
        "accounts": "The accounts that take such orders.",
    },
    "TargetFields": {
        "provider": "The account's provider.",
        "account": "The account's name.",
        "weight": "Its share beside those of the others. For all of a rule's accounts, or for none: "
        "then the first has all, and the others stand in.",
    },
    "MerchantRequest": {"name": "Of no other merchant."},
    "MerchantChange": {"name": "Of no other merchant.", "suspended": "Whether its keys are refused."},
    "KeyRequest": {
        "merchant_id": "Whose key it is; left out for an operator's.",
        "operator": "`true` for an operator's key, and only then.",
        "name": "What it is for.",
        "scopes": f"Of a merchant's key: `{'`, `'.join(MERCHANT_SCOPES)}`. "
        f"Of an operator's: `{'`, `'.join(OPERATOR_SCOPES)}`.",
        "expires_at": "A time to come. By default it does not expire.",
    },
    "RotationRequest": {"overlap_hours": "How long the old key lives on, in hours."},
    "AccountRequest": {
        "merchant_id": "Whose account.",
        "provider": "An enabled provider.",
        "name": "Stands in `webhook_url`; one account of a provider has it.",
        "is_default": "`true` takes that from the present default. A merchant's first at a provider is it anyway.",
        "short_address": "`true`: also takes what comes to `/v1/webhook/{provider}`; one account of a provider has it.",
        "credentials": "The provider's fields with their values.",
    },
    "AccountChange": {
        "is_default": "Makes it the default.",
        "disabled": "`true` lets no new checkout use it.",
    },
    "CredentialRequest": {
        "value": "The newest live value from now on.",
        "keep_others": "`true` leaves the older values live, at most 8, as while a secret is rolled.",
    },
    "RedriveRequest": {
        "reason": "Why they died.",
        "provider": "Whose webhooks.",
        "account": "The account's name.",
        "event_id": "The provider's name of the event.",
        "since": "Received at or after.",
        "until": "Received before.",
        "limit": "How many at most.",
        "cursor": "The `next_cursor` of the page before.",
    },
}

_SLUGS = list(provider_slugs())

NARROWED: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("CheckoutRequest", "provider"): {"type": "string", "enum": [AUTO, *_SLUGS]},
    ("TargetFields", "provider"): {"type": "string", "enum": _SLUGS},
    ("AccountRequest", "provider"): {"type": "string", "enum": _SLUGS},
}
"""What a model takes as a text, and its service then compares with what there is."""


def _scopes(known: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "enum": list(known)}, "minItems": 1, "maxItems": 20}


TOGETHER: Mapping[str, Mapping[str, Any]] = {
    "KeyRequest": {
        "anyOf": [
            {
                "description": "A merchant's key.",
                "required": ["merchant_id"],
                "properties": {
                    "merchant_id": {"type": "string", "format": "uuid"},
                    "operator": {"const": False},
                    "scopes": _scopes(MERCHANT_SCOPES),
                },
            },
            {
                "description": "An operator's key.",
                "required": ["operator"],
                "properties": {
                    "merchant_id": {"type": "null"},
                    "operator": {"const": True},
                    "scopes": _scopes(OPERATOR_SCOPES),
                },
            },
        ]
    }
}
"""Which fields of a model go together, as its parser asks for."""
