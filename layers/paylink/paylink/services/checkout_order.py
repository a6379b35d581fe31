"""What a client orders, and whether a provider can take it."""

from dataclasses import dataclass

from paylink.core.errors import FieldProblem
from paylink.core.money import Money, UnrepresentableAmount
from paylink.providers.payments import Item
from paylink.providers.port import PaymentMethod, Provider


@dataclass(frozen=True)
class CheckoutOrder:
    """
    A validated checkout request. `fingerprint` stands for all that the client asked for.

    `provider` is None when the merchant's routing decides. The sum of `items`, where there are any, is `amount`.
    """

    provider: str | None
    amount: Money
    order_reference: str
    success_url: str
    failure_url: str | None
    description: str | None
    customer_name: str | None
    customer_email: str | None
    metadata: dict[str, str]
    expires_in_s: int | None
    fingerprint: bytes
    customer_phone: str | None = None
    items: tuple[Item, ...] = ()
    payment_methods: tuple[PaymentMethod, ...] = ()
    manual_capture: bool = False


def obstacle(provider: Provider, order: CheckoutOrder) -> FieldProblem | None:
    """Return what keeps a provider from taking an order, as the field that would have to change."""
    abilities, currency = provider.capabilities, order.amount.currency
    if currency not in abilities.currencies:
        return FieldProblem("currency", f"{provider.slug} takes {', '.join(sorted(abilities.currencies))}")
    try:
        provider.check_amount(order.amount)
    except UnrepresentableAmount as exc:
        return FieldProblem("amount", str(exc))
    for number, item in enumerate(order.items):
        try:
            provider.check_amount(Money(item.unit_amount, currency))
        except UnrepresentableAmount as exc:
            return FieldProblem(f"items.{number}.unit_amount", str(exc))
    if order.manual_capture and not abilities.manual_capture:
        return FieldProblem("capture", f"{provider.slug} cannot hold money first")
    if order.manual_capture and order.payment_methods and PaymentMethod.CARD not in order.payment_methods:
        return FieldProblem("payment_methods", "only a card's money can be held")
    offered = abilities.payment_methods.get(currency, frozenset())
    if order.payment_methods and offered.isdisjoint(order.payment_methods):
        known = f"{provider.slug} has {', '.join(sorted(offered))}" if offered else f"{provider.slug} takes none"
        return FieldProblem("payment_methods", f"{known} for {currency}")
    shortest, longest = abilities.expiry_min_s, abilities.expiry_max_s
    if order.expires_in_s is not None and not shortest <= order.expires_in_s <= longest:
        return FieldProblem("expires_in_s", f"{provider.slug} takes {shortest} to {longest} seconds")
    return None
