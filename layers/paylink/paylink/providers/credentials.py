"""How adapters get at an account's credentials."""

from paylink.core.secret import Secret
from paylink.providers.port import Account, CredentialField, Effect, ErrorKind, ProviderError


def newest_secret(account: Account, field: CredentialField) -> Secret:
    """
    Return the value to call the provider with.

    Raises:
        ProviderError: AUTH, `credential_missing`: nothing was sent.
    """
    try:
        return account.secret(field.name)
    except LookupError as exc:
        raise ProviderError(ErrorKind.AUTH, "credential_missing", effect=Effect.NOTHING, sent=False) from exc
