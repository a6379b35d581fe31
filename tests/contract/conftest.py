"""One suite for every provider: its adapter against its sandbox, through the `Provider` protocol alone."""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from paylink.core.secret import Secret
from paylink.providers.port import Account, Credential
from paylink.providers.registry import load_providers, provider_slugs
from paylink_local.instance import load_environment
from paylink_sandbox.testing import running_sandbox
from support.provider_case import Case, webhook_catcher


@pytest.fixture(params=provider_slugs())
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    slug = request.param
    webhooks: list[tuple[bytes, dict[str, str]]] = []
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(webhook_catcher(webhooks))
        settings = {"PAYLINK_PROVIDERS": slug, "PAYLINK_ENVIRONMENT": "test", "PAYLINK_HOME": str(tmp_path)}
        environ = load_environment(tmp_path, settings | {"PAYLINK_PUBLIC_URL": listener})
        sandbox = cleanup.enter_context(running_sandbox(environ | {"PAYLINK_SANDBOX_TIME_SCALE": "36000"}))
        environ[f"PAYLINK_{slug.upper()}_API_BASE"] = f"{sandbox}/{slug}"
        provider = load_providers([slug], environ)[slug]
        credentials = tuple(
            Credential(uuid.uuid4(), f.name, Secret(environ[f.environment])) for f in provider.credential_fields
        )
        account = Account(uuid.uuid4(), uuid.uuid4(), slug, "default", credentials)
        yield Case(provider, account, sandbox, webhooks)
