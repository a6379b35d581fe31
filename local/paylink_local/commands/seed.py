"""`paylink seed`: the demo merchant with its key, an operator's key, and a default account for each provider."""

import argparse
import os
from collections.abc import Mapping

from paylink.core.api_key import MERCHANT_SCOPES, OPERATOR_SCOPES
from paylink.core.keyring import Keyring
from paylink.core.secret import Secret
from paylink.providers.port import Provider
from paylink.providers.registry import enabled_providers
from paylink.runtime.settings import default_sql_dir
from paylink.store.database import Database
from paylink.store.keys import store_key
from paylink.store.provisioning import ensure_account, ensure_merchant, set_credentials
from paylink.store.queries import load_queries
from paylink.store.sealing import Place, Sealer
from paylink.store.unit_of_work import UnitOfWork
from paylink_local.supervisor.errors import CannotRun

HELP = "Store the demo merchant, the demo keys, and an account for each enabled provider. Safe to repeat."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace) -> int:
    del args
    environ = dict(os.environ)
    if environ.get("PAYLINK_ENVIRONMENT") == "production":
        raise CannotRun("demo keys are not for production")
    try:
        providers = seed(environ)
    except ValueError as exc:
        raise CannotRun(str(exc)) from exc
    except KeyError as exc:
        raise CannotRun(f"{exc.args[0]} is not set: start PayLink with ./scripts/up first") from exc
    print(f"the demo merchant has an account at {', '.join(providers)}")
    return 0


def seed(environ: Mapping[str, str]) -> Mapping[str, Provider]:
    """
    Store what the demo needs, and return the enabled providers.

    Raises:
        KeyError: A setting is missing.
        ValueError: One holds too many values.
        StorageUnavailable: The database cannot answer.
    """
    providers = enabled_providers(environ["PAYLINK_PROVIDERS"].split(","), environ)
    database = Database(Secret(environ["PAYLINK_DATABASE_URL"]), load_queries(default_sql_dir() / "queries"), size=1)
    try:
        database.run(lambda uow: _store(uow, environ, providers))
    finally:
        database.close()
    return providers


def _store(uow: UnitOfWork, environ: Mapping[str, str], providers: Mapping[str, Provider]) -> None:
    peppers = Keyring.parse("PAYLINK_API_KEY_PEPPERS", Secret(environ["PAYLINK_API_KEY_PEPPERS"]))
    sealer = Sealer(Keyring.parse("PAYLINK_MASTER_KEYS", Secret(environ["PAYLINK_MASTER_KEYS"])))
    merchant_id = ensure_merchant(uow, "Demo merchant")
    store_key(uow, Secret(environ["PAYLINK_DEMO_MERCHANT_KEY"]), peppers, MERCHANT_SCOPES, merchant_id, name="demo")
    store_key(uow, Secret(environ["PAYLINK_DEMO_OPERATOR_KEY"]), peppers, OPERATOR_SCOPES, None, name="demo")
    metrics_key = Secret(environ["PAYLINK_DEMO_METRICS_KEY"])
    store_key(uow, metrics_key, peppers, ["metrics:read"], None, name="demo metrics")
    for slug, provider in providers.items():
        account_id = ensure_account(uow, merchant_id, slug, "default", is_default=True)
        for field in provider.credential_fields:
            # Several values, comma separated, live at once: the old and the new one while a secret is rolled.
            secrets = [Secret(text.strip()) for text in environ[field.environment].split(",") if text.strip()]
            set_credentials(uow, sealer, Place(merchant_id, account_id, field.name), secrets)
