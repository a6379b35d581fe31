"""Through which accounts an order goes: the provider that it names, or what the merchant's routing says."""

from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields
from paylink.core.routing import Target, first_match, order_targets
from paylink.providers.port import Account
from paylink.services.checkout_order import CheckoutOrder, obstacle
from paylink.services.ports import Parts
from paylink.store.routing import Routing, Routings


class Routes:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._routings = Routings(parts.database)

    def of(self, merchant_id: UUID, order: CheckoutOrder, transaction_id: UUID) -> list[Account]:
        """
        Return the accounts that may take an order, in the order in which they are to be tried: at least one.

        Raises:
            InvalidFields: None may. With what would have to change.
            StorageUnavailable: The database cannot answer.
        """
        if order.provider is not None:
            return [self._named(merchant_id, order)]
        routing = self._routings.of(merchant_id)
        targets = targets_of(routing, order)
        if targets is None:
            problem = "none of your routing rules takes an order of this amount, currency and payment methods"
            raise InvalidFields(fields=[FieldProblem("provider", problem)])
        ids = [target.account_id for target in targets if target.account_id in routing.accounts]
        accounts = {a.id: a for a in map(self._parts.accounts.get, ids) if a.provider in self._parts.providers}
        obstacles = {a.id: obstacle(self._parts.providers[a.provider], order) for a in accounts.values()}
        fitting = order_targets(targets, lambda account_id: obstacles.get(account_id, ...) is None, transaction_id)
        if not fitting:
            found = list(dict.fromkeys(problem for problem in obstacles.values() if problem is not None))
            none = FieldProblem("provider", "no account for orders like this is set up for you")
            raise InvalidFields(fields=found or [none])
        return [accounts[account_id] for account_id in fitting]

    def _named(self, merchant_id: UUID, order: CheckoutOrder) -> Account:
        assert order.provider is not None
        provider = self._parts.providers.get(order.provider)
        if provider is None:
            enabled = ", ".join(sorted(self._parts.providers))
            raise InvalidFields(fields=[FieldProblem("provider", f"not enabled here; enabled: {enabled}")])
        problem = obstacle(provider, order)
        if problem is not None:
            raise InvalidFields(fields=[problem])
        account = self._parts.accounts.of_merchant(merchant_id, order.provider)
        if account is None:
            raise InvalidFields(fields=[FieldProblem("provider", "no account of this provider is set up for you")])
        return account


def targets_of(routing: Routing, order: CheckoutOrder) -> tuple[Target, ...] | None:
    """Return those of the rule that decides; without rules the default accounts, one after the other. None: no rule."""
    if not routing.rules:
        return tuple(Target(account_id, 0) for account_id in routing.defaults)
    place = first_match(routing.rules, order.amount, frozenset(order.payment_methods))
    return None if place is None else routing.rules[place].targets
