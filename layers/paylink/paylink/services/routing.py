"""A merchant's routing for operators: shown, replaced, and tried on an order that is not made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from paylink.core.errors import FieldProblem, InvalidFields, NotFound
from paylink.core.routing import Rule, Target, first_match
from paylink.services.checkout_order import CheckoutOrder, obstacle
from paylink.services.ports import Breakers, Parts
from paylink.services.routes import targets_of
from paylink.store.audit import write_audit
from paylink.store.routing import Routing, read_routing, write_routing
from paylink.store.unit_of_work import Row, UnitOfWork


@dataclass(frozen=True)
class TargetDraft:
    """An account by its provider and name. `weight` None: the first of the list has all, the others stand in."""

    provider: str
    account: str
    weight: int | None


@dataclass(frozen=True)
class RuleDraft:
    """A rule as a person writes it; each field of its own is right by itself."""

    currency: str | None
    amount_min: int | None
    amount_max: int | None
    payment_methods: tuple[str, ...]
    accounts: tuple[TargetDraft, ...]


class RoutingChanges:
    def __init__(self, parts: Parts, breakers: Breakers) -> None:
        self._parts = parts
        self._breakers = breakers

    def find_merchant(self, name: str) -> UUID:
        """
        Return the merchant of this id or name.

        Raises:
            NotFound: There is none.
            StorageUnavailable: The database cannot answer.
        """
        row = self._parts.database.run(lambda uow: uow.first("find_merchant", name=name))
        if row is None:
            raise NotFound(f"there is no merchant {name}")
        merchant_id: UUID = row["id"]
        return merchant_id

    def show(self, merchant_id: UUID) -> dict[str, Any]:
        """
        Return a merchant's rules, and which accounts there are.

        Raises:
            NotFound: There is no such merchant.
            StorageUnavailable: The database cannot answer.
        """
        routing, accounts = self._parts.database.run(lambda uow: _read(uow, merchant_id))
        return _routing_body(routing, accounts, self._breakers.states(list(accounts)))

    def replace(
        self, merchant_id: UUID, drafts: Sequence[RuleDraft], *, after: int | None, changed_by: str
    ) -> dict[str, Any]:
        """
        Put these rules in place of all that there were. With `after`, only if that is still the present version.

        Raises:
            InvalidFields: With a problem for each rule that cannot be.
            RoutingChanged: The present version is another, or is just being changed.
            NotFound: There is no such merchant.
            StorageUnavailable: The database cannot answer.
        """

        def work(uow: UnitOfWork) -> None:
            _, accounts = _read(uow, merchant_id)
            rules, problems = _rules_of(drafts, accounts, self._obstacle_to_rule)
            if problems:
                raise InvalidFields(fields=problems)
            version = write_routing(uow, merchant_id, rules, after=after, changed_by=changed_by)
            write_audit(
                uow,
                "routing.replaced",
                made_by=changed_by,
                subject_id=merchant_id,
                merchant_id=merchant_id,
                version=version,
            )

        self._parts.database.run(work)
        return self.show(merchant_id)

    def preview(self, merchant_id: UUID, order: CheckoutOrder) -> dict[str, Any]:
        """
        Return where an order would go: the place of the rule that decides (None: there are no rules), and its accounts
        with the share of such orders that each gets, in percent, or with what keeps it from taking any.

        Raises:
            NotFound: There is no such merchant.
            InvalidFields: No rule takes the order.
            StorageUnavailable: The database cannot answer.
        """
        routing, accounts = self._parts.database.run(lambda uow: _read(uow, merchant_id))
        targets = targets_of(routing, order)
        if targets is None:
            raise InvalidFields(fields=[FieldProblem("rules", "none of them takes such an order")])
        obstacles = [self._obstacle(accounts[target.account_id], order) for target in targets]
        states = self._breakers.states([target.account_id for target in targets])
        shares = _shares([t.weight if problem is None else None for t, problem in zip(targets, obstacles, strict=True)])
        return {
            "rule": first_match(routing.rules, order.amount, frozenset(order.payment_methods)),
            "accounts": [
                _account_body(accounts[target.account_id])
                | {"share_percent": share, "obstacle": problem, "breaker": state}
                for target, share, problem, state in zip(targets, shares, obstacles, states, strict=True)
            ],
        }

    def _obstacle(self, account: Row, order: CheckoutOrder) -> str | None:
        provider = self._parts.providers.get(account["provider"])
        if provider is None:
            return "its provider is not enabled here"
        problem = obstacle(provider, order)
        return None if problem is None else f"{problem.field}: {problem.message}"

    def _obstacle_to_rule(self, provider_slug: str, draft: RuleDraft) -> str | None:
        """Return why no order of this rule could ever go to an account of this provider."""
        provider = self._parts.providers.get(provider_slug)
        if provider is None:
            return "this provider is not enabled here"
        if draft.currency is None:
            return None
        abilities = provider.capabilities
        if draft.currency not in abilities.currencies:
            return f"it does not take {draft.currency}"
        offered = abilities.payment_methods.get(draft.currency, frozenset())
        if draft.payment_methods and offered.isdisjoint(draft.payment_methods):
            return f"it has none of these payment methods for {draft.currency}"
        return None


def _read(uow: UnitOfWork, merchant_id: UUID) -> tuple[Routing, dict[UUID, Row]]:
    routing = read_routing(uow, merchant_id)
    if routing is None:
        raise NotFound("there is no such merchant")
    return routing, {row["id"]: row for row in uow.all("list_accounts_of_merchant", merchant_id=merchant_id)}


def _rules_of(
    drafts: Sequence[RuleDraft],
    accounts: Mapping[UUID, Row],
    obstacle_to: Callable[[str, RuleDraft], str | None],
) -> tuple[list[Rule], list[FieldProblem]]:
    ids = {(row["provider"], row["name"]): account_id for account_id, row in accounts.items()}
    rules: list[Rule] = []
    problems: list[FieldProblem] = []
    for number, draft in enumerate(drafts):
        path = f"rules.{number}"
        problems += _problems_of(draft, path)
        if number and rules and rules[-1] == Rule(rules[-1].targets):
            problems.append(FieldProblem(path, "it never decides: the rule before takes every order"))
        targets: list[Target] = []
        for place, one in enumerate(draft.accounts):
            account_id = ids.get((one.provider, one.account))
            found = "no account of yours has this provider and name" if account_id is None else None
            if problem := found or obstacle_to(one.provider, draft):
                problems.append(FieldProblem(f"{path}.accounts.{place}", problem))
            if account_id is not None:
                weight = one.weight if one.weight is not None else int(place == 0)
                targets.append(Target(account_id, weight))
        methods = frozenset(draft.payment_methods)
        rules.append(Rule(tuple(targets), draft.currency, draft.amount_min, draft.amount_max, methods))
    return rules, problems


def _problems_of(draft: RuleDraft, path: str) -> list[FieldProblem]:
    problems = []
    bounds = (draft.amount_min, draft.amount_max)
    if draft.currency is None and bounds != (None, None):
        problems.append(FieldProblem(f"{path}.currency", "bounds of an amount need their currency"))
    if draft.amount_min is not None and draft.amount_max is not None and draft.amount_min > draft.amount_max:
        problems.append(FieldProblem(f"{path}.amount_max", "it lies below amount_min"))
    weights = [one.weight for one in draft.accounts]
    if None in weights and set(weights) != {None}:
        problems.append(FieldProblem(f"{path}.accounts", "either each has a weight, or none"))
    elif None not in weights and not any(weights):
        problems.append(FieldProblem(f"{path}.accounts", "one of them at least has a weight above 0"))
    names = [(one.provider, one.account) for one in draft.accounts]
    if len(set(names)) < len(names):
        problems.append(FieldProblem(f"{path}.accounts", "an account stands twice"))
    return problems


def _shares(weights: Sequence[int | None]) -> list[float]:
    """Return each one's share in percent; None is left out. Without weights the first has all."""
    total = sum(weight or 0 for weight in weights)
    if total:
        return [round(100 * (weight or 0) / total, 2) for weight in weights]
    first = next((place for place, weight in enumerate(weights) if weight is not None), None)
    return [100.0 if place == first else 0.0 for place in range(len(weights))]


def _routing_body(routing: Routing, accounts: Mapping[UUID, Row], states: Sequence[str]) -> dict[str, Any]:
    return {
        "merchant_id": str(routing.merchant_id),
        "merchant": routing.merchant,
        "version": routing.version,
        "changed_by": routing.changed_by,
        "changed_at": routing.changed_at.isoformat() if routing.changed_at else None,
        "rules": [_rule_body(rule, accounts) for rule in routing.rules],
        "accounts": [
            _account_body(row) | {"without_rules": row["id"] in routing.defaults, "breaker": state}
            for row, state in zip(accounts.values(), states, strict=True)
        ],
    }


def _rule_body(rule: Rule, accounts: Mapping[UUID, Row]) -> dict[str, Any]:
    conditions = {
        "currency": rule.currency,
        "amount_min": rule.amount_min,
        "amount_max": rule.amount_max,
        "payment_methods": sorted(rule.payment_methods) or None,
    }
    targets = [_account_body(accounts[target.account_id]) | {"weight": target.weight} for target in rule.targets]
    return {name: value for name, value in conditions.items() if value is not None} | {"accounts": targets}


def _account_body(row: Row) -> dict[str, Any]:
    return {"provider": row["provider"], "account": row["name"]}
