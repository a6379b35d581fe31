"""Secrets that are being rolled: several values of one field live at once."""

import pytest

from paylink.core.secret import Secret
from paylink.store.provisioning import ensure_account, ensure_merchant, set_credentials
from paylink.store.sealing import Place
from support.stack import Stack


@pytest.mark.parametrize("before", [[], ["old"], ["new"], ["old", "new"], ["new", "old"]], ids=str)
def test_the_value_that_is_given_first_is_the_one_to_call_with(stack: Stack, before: list[str]):
    """Whatever was live before; the others still verify what was signed with them."""

    def store(uow, values):
        merchant_id = ensure_merchant(uow, "Rolling merchant")
        account_id = ensure_account(uow, merchant_id, "anyone", "rolling", is_default=False)
        set_credentials(uow, stack.deps.sealer, Place(merchant_id, account_id, "key"), [Secret(v) for v in values])
        return account_id

    stack.deps.database.run(lambda uow: store(uow, before))
    with pytest.raises(ValueError, match="at most 8"):
        stack.deps.database.run(lambda uow: store(uow, [f"value-{number}" for number in range(9)]))
    account_id = stack.deps.database.run(lambda uow: store(uow, ["new", "old"]))
    account = stack.deps.accounts.get(account_id)
    assert account.secret("key").reveal() == "new"
    assert [c.secret.reveal() for c in account.secrets("key")] == ["new", "old"]
