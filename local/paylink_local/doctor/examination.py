"""The whole examination, in the order in which one thing needs the other."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from paylink.core.errors import StorageUnavailable
from paylink.providers.registry import api_bases, enabled_providers, enabled_signatures
from paylink.runtime.settings import Settings
from paylink.store.database import Database
from paylink.store.examination import Records, read_records
from paylink.store.queries import load_queries
from paylink_local.doctor.accounts import judge_accounts, judge_webhook_secrets
from paylink_local.doctor.configuration import examine_settings
from paylink_local.doctor.database import examine_database
from paylink_local.doctor.finding import Finding, wrong
from paylink_local.doctor.installation import Installation
from paylink_local.doctor.keys import judge_api_keys, judge_master_keys, judge_peppers
from paylink_local.doctor.machine import examine_machine
from paylink_local.doctor.queues import examine_queues, queue_urls
from paylink_local.doctor.reach import examine_providers, examine_redis, on_this_machine
from paylink_local.doctor.work import judge_accounting, judge_partitions, judge_schedules
from paylink_local.template import TemplateError, find_template, load_template

_DEADLINE_S = 15.0


def examine(installation: Installation, *, ask_providers: bool) -> Iterator[Finding]:
    """
    Yield what is found, as it is found. The process' environment must be the installation's: SQS is found by it.

    ask_providers: also those that are not on this machine.
    """
    settings, found = examine_settings(installation)
    yield from found
    if installation.home is not None:
        yield from examine_machine(installation.home, installation.status, installation.given)
    if settings is None:
        return
    yield from _examine_database(settings, _mend_schedules(installation))
    yield examine_redis(settings.redis_url)
    yield from _examine_queues(installation)
    bases = api_bases(settings.providers, settings.environ)
    asked = {slug: base for slug, base in bases.items() if ask_providers or on_this_machine(base)}
    yield from examine_providers(asked)


def _examine_database(settings: Settings, mend_schedules: str) -> Iterator[Finding]:
    queries = load_queries(settings.sql_dir / "queries")
    with closing(Database(settings.database_url, queries, size=1, reserve=False)) as database:
        readable, found = examine_database(database, settings.sql_dir / "migrations")
        yield from found
        if not readable:
            return
        try:
            records = database.run(read_records, deadline_s=_DEADLINE_S)
        except StorageUnavailable:
            seen = f"what is stored could not be read within {_DEADLINE_S:.0f} s"
            yield wrong("postgres", seen, "look at what the server is busy with: select * from pg_stat_activity")
            return
    yield from _judge_records(settings, records, mend_schedules)


def _judge_records(settings: Settings, records: Records, mend_schedules: str) -> Iterator[Finding]:
    now = datetime.now(UTC)
    providers = enabled_providers(settings.providers, settings.environ)
    signatures = enabled_signatures(settings.providers)
    yield from judge_master_keys(settings.master_keys, records.master_keys, records.sealed, now)
    yield from judge_peppers(settings.api_key_peppers, records.keys, now)
    yield from judge_api_keys(records.keys, now, production=settings.environment == "production")
    yield from judge_accounts(providers, records.accounts, records.credentials)
    yield from judge_webhook_secrets(signatures, records.accounts, records.credentials, now)
    yield judge_partitions(records.missing_partitions)
    yield from judge_schedules(records.overdue, mend_schedules)
    yield judge_accounting(records.balance)


def _examine_queues(installation: Installation) -> Iterator[Finding]:
    environ = installation.environ
    try:
        template = load_template(find_template(environ), environ)
    except TemplateError as exc:
        yield wrong("queues", str(exc), "put template.yaml back as it was released")
        return
    local = bool(environ.get("AWS_ENDPOINT_URL_SQS"))
    mend = "start the worker again: it makes the queues as template.yaml has them" if local else "sam deploy"
    yield from examine_queues(template, queue_urls(template, environ), mend)


def _mend_schedules(installation: Installation) -> str:
    if installation.home is not None:
        return f"see {installation.home.logs / 'worker.log'}"
    if installation.environ.get("AWS_ENDPOINT_URL_SQS"):
        return "see whether a worker runs, and its log"
    return "see in EventBridge Scheduler whether it is enabled, and the function's log"
