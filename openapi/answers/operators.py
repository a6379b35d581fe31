"""Merchants, keys, accounts, routing and the audit: what operators see."""

from typing import Annotated, Any, Literal

from pydantic import Field

from openapi.answers.fields import Amount, Answer, Count, Currency, Id, Moment, NextId, PaymentMethod, ProviderName


class Merchant(Answer):
    """Somebody who takes money."""

    id: Id
    name: str
    state: Literal["active", "suspended"]
    suspended_at: Moment | None
    created_at: Moment


class MerchantList(Answer):
    """A page of merchants."""

    merchants: Annotated[list[Merchant], Field(max_length=200, description="The newest first.")]
    next_cursor: NextId


class Key(Answer):
    """An API key, without the key itself."""

    id: Id
    prefix: Annotated[str, Field(description="Its readable beginning.")]
    name: Annotated[str | None, Field(description="What it is for.")]
    merchant_id: Annotated[Id | None, Field(description="Whose it is; null: an operator's.")]
    scopes: list[str]
    state: Literal["live", "expired", "revoked"]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Annotated[Moment | None, Field(description="Right to a minute or two.")]
    successor_id: Annotated[Id | None, Field(description="The key that it was rotated to.")]
    pepper: Annotated[str, Field(description="Names the secret that its stored hash was made under.")]
    has_active_pepper: bool


class KeyList(Answer):
    """A page of keys."""

    keys: Annotated[list[Key], Field(max_length=200, description="The newest first.")]
    next_cursor: NextId


_Itself = Annotated[str | None, Field(description="The key itself, this once; null in a repeated answer.")]


class IssuedKey(Key):
    """A new key."""

    key: _Itself


class RotatedKey(IssuedKey):
    """A new key in the place of an old one."""

    predecessor: Key


class AccountCredential(Answer):
    """A live credential of an account; never its value."""

    id: Id
    field: str
    created_at: Moment
    webhooks_verified: Count
    last_used_at: Moment | None


class Account(Answer):
    """A merchant's account at a provider."""

    id: Id
    merchant_id: Id
    provider: ProviderName
    name: str
    is_default: Annotated[bool, Field(description="The merchant's new checkouts at this provider use it.")]
    state: Annotated[Literal["enabled", "disabled"], Field(description="Whether new checkouts may use it.")]
    disabled_at: Moment | None
    created_at: Moment
    webhook_url: Annotated[str, Field(description="What to enter at the provider.")]
    short_webhook_url: Annotated[str | None, Field(description="The address that it takes webhooks at as well.")]
    credentials: list[AccountCredential]
    missing: Annotated[list[str], Field(description="Credentials that the provider needs and that are not set.")]


class AccountList(Answer):
    """A page of accounts."""

    accounts: Annotated[list[Account], Field(max_length=200, description="The newest first.")]
    next_cursor: NextId


class RoutingTarget(Answer):
    """An account that takes part in a rule."""

    provider: ProviderName
    account: str
    weight: Annotated[int, Field(ge=0, le=1000, description="Its share, beside those of the others.")]


class RoutingRule(Answer):
    """The accounts of those orders that meet every condition; a condition that is not there is none."""

    currency: Currency = ""
    amount_min: Amount = 0
    amount_max: Amount = 0
    payment_methods: list[PaymentMethod] = Field(default_factory=list)
    accounts: Annotated[list[RoutingTarget], Field(min_length=1)]


class RoutableAccount(Answer):
    """An account that rules may name."""

    provider: ProviderName
    account: str
    without_rules: Annotated[bool, Field(description="Takes orders while there are no rules.")]
    breaker: Annotated[
        Literal["closed", "open", "half_open"],
        Field(description="`open`: it failed too often and gets no new checkouts for a while."),
    ]


class Routing(Answer):
    """Through which accounts a merchant's checkouts go."""

    merchant_id: Id
    merchant: Annotated[str, Field(description="The merchant's name.")]
    version: Count
    changed_by: str | None
    changed_at: Moment | None
    rules: Annotated[list[RoutingRule], Field(description="The first that matches decides.")]
    accounts: list[RoutableAccount]


class Change(Answer):
    """What an operator changed."""

    id: Id
    at: Moment
    by: Annotated[str, Field(description="The prefix of an operator key, or `command`.")]
    action: Annotated[str, Field(description="Such as `key.revoked`.")]
    subject_id: Annotated[Id | None, Field(description="The merchant, key or account that was changed.")]
    merchant_id: Id | None
    details: dict[str, Any]


class Audit(Answer):
    """A page of what operators changed."""

    audit: Annotated[list[Change], Field(max_length=200, description="The newest first.")]
    next_cursor: NextId


class Health(Answer):
    """The service can do its work."""

    status: Literal["ok"]
    database: Literal["ok"]


class Alive(Answer):
    """A process answers."""

    status: Literal["ok"]


class DependencyStanding(Answer):
    """How one dependency answers."""

    status: Literal["ok", "away"]
    latency_ms: Annotated[float | None, Field(ge=0, description="Null while it is away.")]


class Dependencies(Answer):
    """What the service depends on. Only the database is needed; while others are away it is slower, or later."""

    database: DependencyStanding
    redis: DependencyStanding
    queue: DependencyStanding


class Readiness(Answer):
    """The service can do its work."""

    status: Literal["ok", "degraded"]
    dependencies: Dependencies
