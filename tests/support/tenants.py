"""Merchants, keys and accounts beside those of the demo, made by the services as operators make them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from paylink.core.api_key import MERCHANT_SCOPES
from paylink.core.secret import Secret
from paylink.services.keys import NewKey
from paylink.services.operator import COMMAND
from paylink.services.provider_accounts import NewAccount
from support.stack import Answer, Stack


@dataclass(frozen=True)
class Tenant:
    """A merchant with a key that has every scope, and an account whose webhooks are signed with `webhook_secret`."""

    id: UUID
    key: str
    account_id: UUID
    account: str
    webhook_secret: str


def make_tenant(stack: Stack, name: str) -> Tenant:
    """`name` is the merchant's, and, in lower case, its account's."""
    merchant_id = make_merchant(stack, name)
    account, secret = name.lower(), f"whsec_of_{name.lower()}"
    credentials = {"secret_key": stack.environ["PAYLINK_STRIPE_SECRET_KEY"], "webhook_secret": secret}
    account_id = make_account(stack, merchant_id, account, credentials)
    return Tenant(merchant_id, make_key(stack, MERCHANT_SCOPES, merchant_id), account_id, account, secret)


def make_merchant(stack: Stack, name: str) -> UUID:
    return UUID(stack.deps.merchants.create(name, COMMAND).body["id"])


def make_account(stack: Stack, merchant_id: UUID, name: str, credentials: Mapping[str, str]) -> UUID:
    secrets = {field: Secret(value) for field, value in credentials.items()}
    wanted = NewAccount(merchant_id, "stripe", name, is_default=False, has_short_address=False, credentials=secrets)
    return UUID(stack.deps.provider_accounts.create(wanted, COMMAND).body["id"])


def make_key(
    stack: Stack, scopes: Sequence[str], merchant_id: UUID | None, *, expires_at: datetime | None = None
) -> str:
    """Return a new key; without a merchant, an operator's."""
    issued = stack.deps.keys.create(NewKey(merchant_id, "test", tuple(scopes), expires_at), COMMAND)
    assert issued.secret is not None
    return issued.secret.reveal()


def ask(stack: Stack, key: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """Send a request with a key; the query stands in the path, and a POST has an Idempotency-Key."""
    path, _, query = path.partition("?")
    told = {"Authorization": f"Bearer {key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if method == "POST":
        told.setdefault("idempotency-key", uuid.uuid4().hex)
    return stack.call(method, path, body, headers=told, query=query)


def key_row(stack: Stack, key: str) -> dict[str, Any]:
    """Return what is stored of a key."""
    table = "operator_keys" if key.startswith("plo_") else "api_keys"
    return stack.rows(f"select * from {table} where prefix = %s", key[:16])[0]
