"""The secret settings of a deployment as one text, as a secret of AWS Secrets Manager holds them."""

import json
import re

BUNDLE = "PAYLINK_SECRETS"

_NAME = re.compile(r"(PAYLINK|PG|OTEL)[A-Z0-9_]+\Z", re.ASCII)


def read_bundle(text: str) -> dict[str, str]:
    """
    Return the settings in a JSON object such as `{"PGPASSWORD": "..."}`, by name; an empty text holds none.

    Raises:
        ValueError: It is something else. The message repeats no value: what is in the wrong place may be a secret.
    """
    if not text.strip():
        return {}
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{BUNDLE} is not JSON") from None
    if not isinstance(settings, dict):
        raise ValueError(f"{BUNDLE} is not a JSON object")
    for number, (name, value) in enumerate(settings.items(), 1):
        if not _NAME.match(name) or name == BUNDLE:
            raise ValueError(f"{BUNDLE}: name {number} is not that of a setting, PAYLINK_..., PG... or OTEL_...")
        if not isinstance(value, str) or "\0" in value:
            raise ValueError(f"{BUNDLE}: the value of {name} is not a text")
    return settings
