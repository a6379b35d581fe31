"""Settings whose every secret is marked, and the personal data and cards of marked payers."""

import base64
import secrets
import string
from dataclasses import dataclass, field

from paylink.providers.registry import enabled_providers, provider_slugs
from support.leaks import Mark

_LETTERS = string.ascii_lowercase + string.digits
_OWN = tuple(
    ("process", f"{name}{whose}.environ")
    for name in ("gateway", "worker", "migrate", "seed")
    for whose in ("", "'s guardian")
)
_SANDBOX = (("process", "sandbox.environ"), ("process", "sandbox's guardian.environ"), ("file", "sandbox/"))
PAYER = (("database", "transactions.customer_"), ("database", "webhook_bodies"), ("file", "sandbox/"))
"""Where personal data of a payer may be: the payer's own columns and raw bodies, and at the provider, of course."""
BODIES = (("database", "webhook_bodies"), ("file", "sandbox/"))


def random_text(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass
class Payer:
    mail: str = field(default_factory=lambda: f"payer.{random_text(14)}@{random_text(8)}.example")
    name: str = field(default_factory=lambda: f"Lékha {random_text(14)}")
    phone: str = field(default_factory=lambda: "+62" + "".join(secrets.choice("123456789") for _ in range(12)))

    @property
    def body(self) -> dict[str, str]:
        return {"name": self.name, "email": self.mail, "phone": self.phone}

    @property
    def marks(self) -> list[Mark]:
        return [Mark(f"payer's {what}", text, PAYER) for what, text in self.body.items()]


@dataclass
class Marked:
    """The settings of a stack and what is marked in them; what comes up on the way is added to `marks`."""

    settings: dict[str, str] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)

    def add(
        self, name: str, text: str | bytes, allowed: tuple[tuple[str, str], ...] = (), *, whole: bool = False
    ) -> None:
        self.marks.append(Mark(name, text, allowed, whole))

    def secret(self, name: str, length: int = 40) -> str:
        """Return a new secret that may be nowhere."""
        text = random_text(length)
        self.add(name, text)
        return text

    def card(self, name: str) -> str:
        """Return a new card number that may be nowhere, not in groups either."""
        digits = "4" + "".join(secrets.choice(string.digits) for _ in range(14))
        number = digits + str(-_luhn(digits + "0") % 10)
        groups = [number[i : i + 4] for i in range(0, 16, 4)]
        for form in (number, " ".join(groups), "-".join(groups)):
            self.add(name, form)
        return number


def _luhn(digits: str) -> int:
    doubled = [int(d) * (2 if place % 2 else 1) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled)


def marked_settings() -> Marked:
    """Return settings with a mark for each secret that a stack has."""
    marked = Marked()
    # With every sign that has a meaning in an address, a statement or a shell.
    password = f"p@{random_text(12)}:/%'\"&={random_text(12)}"
    marked.settings["PAYLINK_DATABASE_PASSWORD"] = password
    marked.add("PAYLINK_DATABASE_PASSWORD", password, _OWN)
    for name in ("PAYLINK_MASTER_KEYS", "PAYLINK_API_KEY_PEPPERS"):
        key = secrets.token_bytes(32)
        text = base64.b64encode(key).decode()
        marked.settings[name] = f"k1:{text}"
        marked.add(name, text.rstrip("="), _OWN)
        marked.add(name, key, _OWN)
    for name, kind in (("PAYLINK_DEMO_MERCHANT_KEY", "plm"), ("PAYLINK_DEMO_OPERATOR_KEY", "plo")):
        secret = random_text(40)
        marked.settings[name] = f"{kind}_demo{random_text(8)}_{secret}"
        marked.add(name, secret, _OWN)
    bases = {f"PAYLINK_{slug.upper()}_API_BASE": "http://localhost:1" for slug in provider_slugs()}
    for provider in enabled_providers(provider_slugs(), bases).values():
        for credential in provider.credential_fields:
            secret = random_text(40)
            marked.settings[credential.environment] = credential.demo_prefix + secret
            marked.add(credential.environment, secret, (*_OWN, *_SANDBOX))
    return marked
