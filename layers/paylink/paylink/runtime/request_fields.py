"""Fields of merchants' requests that check themselves."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from paylink.core.text import CONTROL
from paylink.providers.port import PaymentMethod
from paylink.runtime.strict_body import Described, Text

CURRENCY = "^[A-Z]{3}$"
_PHONE = r"^\+[1-9][0-9]{6,14}$"
_EMAIL = rf"^[^@\s{CONTROL}]+@[^@\s.{CONTROL}]+(\.[^@\s.{CONTROL}]+)+$"
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_LOCAL = r"http://(localhost|127\.0\.0\.1|\[::1\])"
_ADDRESS = rf"^(https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])|{_LOCAL})(:[0-9]{{1,5}})?([/?#][\x21-\x7e]*)?$"


def _return_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("an https address is needed")
    if parts.scheme == "http" and parts.hostname not in _LOCAL_HOSTS:
        raise ValueError("an https address is needed; plain http is for localhost only")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a user name is not allowed")
    if not text.isascii() or " " in text:
        raise ValueError("an address is ASCII without spaces; encode the rest as %XX")
    if not _matches(_ADDRESS, text):
        raise ValueError("an https address is needed, with a host, and with a port that is a number if it has one")
    return text


def _email(text: str) -> str:
    if not _matches(_EMAIL, text):
        raise ValueError("an email address is needed")
    return text


def _phone(text: str) -> str:
    if not _matches(_PHONE, text):
        raise ValueError("an international number is needed, such as +628123456789")
    return text


def _matches(pattern: str, text: str) -> bool:
    """Python's `$` lets a line break follow; that of JSON Schema does not."""
    return re.match(pattern.replace("$", r"\Z"), text) is not None


def _method(text: str) -> PaymentMethod:
    try:
        return PaymentMethod(text)
    except ValueError:
        raise ValueError(f"one of {', '.join(PaymentMethod)} is needed") from None


def _methods(methods: list[PaymentMethod]) -> list[PaymentMethod]:
    if len(set(methods)) < len(methods):
        raise ValueError("each method stands once")
    return methods


def _currency(text: str) -> str:
    if not _matches(CURRENCY, text):
        raise ValueError("three upper-case letters are needed, such as IDR")
    return text


Currency = Annotated[str, AfterValidator(_currency), Described(pattern=CURRENCY)]
_Method = Annotated[str, AfterValidator(_method), Described(enum=[method.value for method in PaymentMethod])]
Methods = Annotated[list[_Method], Field(min_length=1), AfterValidator(_methods), Described(uniqueItems=True)]
Address = Annotated[
    str, Field(max_length=2048), AfterValidator(_return_address), Described(format="uri", pattern=_ADDRESS)
]
Email = Annotated[
    Text, Field(min_length=1, max_length=254), AfterValidator(_email), Described(format="email", pattern=_EMAIL)
]
Phone = Annotated[str, AfterValidator(_phone), Described(pattern=_PHONE)]
