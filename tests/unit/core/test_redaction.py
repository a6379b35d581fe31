"""What others wrote is redacted before it is logged: messages of exceptions, values of extra fields."""

import json
import time

import psycopg2
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paylink.core.redaction import (
    MESSAGE_CHARS_MAX,
    TRACEBACK_CHARS_MAX,
    describe_exception,
    message_of,
    redact,
    redact_named,
    redact_value,
)
from paylink.providers.port import CredentialField
from paylink.providers.registry import enabled_providers, provider_slugs

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach postgresql://paylink:pw/with@odd@host:5432/db", "cannot reach postgresql://***@host:5432/db"),
        ("redis://:secret@cache:6379/0 is away", "redis://***@cache:6379/0 is away"),
        ("Authorization: Basic U0ItTWlkOg==", "Authorization: *** ***"),
        ("sent Bearer abc.def-ghi", "sent Bearer ***"),
        ("password=hunter2 host=db", "password=*** host=db"),
        ("{'api_key': 'abc', 'n': 1}", "{'api_key': ***, 'n': 1}"),
        ("x-callback-token: abcdef", "x-callback-token: ***"),
        ("the key plm_abcdefghijkl_ABCDEFGHijklmnop is wrong", "the key plm_abcdefghijkl_*** is wrong"),
        ("of budi.santoso+shop@example.co.id today", "of *** today"),
        ("mail=budi%40example.com&x=1", "***&x=1"),
        ("card 4811 1111 1111 1114 declined", "card *** declined"),
        ("card 4811-1111-1111-1114.", "card ***."),
        ("4811111111111114", "***"),
        (f"Stripe-Signature: t=1763937119,v1={DIGEST}", "Stripe-Signature: ***"),
        (f"Stripe-Signature: t=1763937119, v1={DIGEST}, v0={DIGEST}", "Stripe-Signature: ***"),
        (f"it was t=1763937119,v1={DIGEST}", "it was t=1763937119,v1=***"),
        (f'{{"signature_key":"{DIGEST}","order_id":"a-1"}}', '{"signature_key":***,"order_id":"a-1"}'),
        ("server_key=SB-Mid-server-abc", "server_key=***"),
        (
            "Max retries exceeded with url: /v2?secret_key=abc&n=1 (Caused",
            "Max retries exceeded with url: /v2?secret_key=***&n=1 (Caused",
        ),
        ("with url: /v2?next=%3Fsecret_key%3Dabc", "with url: /v2?next=%3Fsecret_key%3D***"),
        ("of rk_live_51Habc today", "of rk_*** today"),
        ("PAYLINK_MASTER_KEYS=k1:YWJj==,k2:ZGVm= is wrong", "PAYLINK_MASTER_KEYS=*** is wrong"),
        ("PAYLINK_API_KEY_PEPPERS=p1:YWJj,p2:ZGVm", "PAYLINK_API_KEY_PEPPERS=***"),
        (r"{\"password\": \"hun\\\"ter two\", \"n\": 1}", r"{\"password\": ***, \"n\": 1}"),
        (r"""{"password": "hun\"ter two", "n": 1}""", '{"password": ***, "n": 1}'),
        ("{'token': ['a', 'b'], 'n': 1}", "{'token': ***, 'n': 1}"),
        ("password=a b c", "password=***"),
        ("host=db password=a, b&c d) dbname=x", "host=db password=*** dbname=x"),
        ('password="a b', "password=***"),
        ('token= "password": "ab"', 'token= "password": ***'),
        ("API-Key: abc", "API-Key: ***"),
    ],
)
def test_it_is_taken_out(text: str, shown: str):
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "a batch failed",
        "order 2026112300012345 of Rp 150000",
        "event 01720564-9401-7751-8226-665564261234",
        "1763937119123456 us",
        "connection to server at 127.0.0.1, port 5432 failed: Connection refused",
        "SQLSTATE 23505, constraint transactions_pkey",
        "the master key 'k2' is not in PAYLINK_MASTER_KEYS",
        "4811111111111115",
        "idempotency key reused",
        "error=idempotency-key-reused status=422",
        "error=invalid-signature reason=wrong_token",
        "the secret is retired, its token is not",
        "tx_01a20564940f775f82266655642a6623",
        "event evt_1PgafmB7WZ01zgkWx3bRpR0Q of cs_test_a1b2c3d4, pi_3PgafmB7",
        "paid_attempt_id=01a20564-940f-775f-8226-6655642a6623",
        "master_key_id=k2 public_token_count=5",
        "tokens: 5",
        "risk_level=3 of task_list",
        f"sha256:{DIGEST}",
        "a batch comes again messages=3 error=storage-unavailable held_back=0",
        "GET /v1/tx/{transaction_id} took 12.5 ms",
    ],
)
def test_what_is_harmless_stays(text: str):
    """Ids, figures and addresses are what a log is for."""
    assert redact(text) == text


FIELDS = [field for one in enabled_providers(provider_slugs(), {}).values() for field in one.credential_fields]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.environment)
def test_a_provider_s_key_is_known(field: CredentialField):
    """By its name, its setting, and by how it begins."""
    for text in (f"{field.name}=x7q", f'{{"{field.name}":"x7q"}}', f"{field.environment}=x7q"):
        assert "x7q" not in redact(text)
    for text in (f"of {field.demo_prefix}x7q", f"/v1/{field.demo_prefix}x7q/", f"n=1%26k%3D{field.demo_prefix}x7q"):
        assert "x7q" not in redact(text)
    assert redact_named(field.name, "x7q") == "***"


NAMES = ["password", "db_password", "PAYLINK_MASTER_KEYS", "signature_key", "Stripe-Signature", "secret", "api_key"]
FORMS = [
    "{}={}",
    "{}: {}",
    '"{}": "{}"',
    "'{}': '{}'",
    r"\"{}\": \"{}\"",
    r"\\\"{}\\\":\\\"{}\\\"",
    "?{}={}&n=1",
    "{}%3D{}",
]
HOSTILE = st.lists(
    st.sampled_from(
        ["\\", '"', "'", " ", "=", ":", "a", "&", "\n", ",", "(", "[", "4", "password=", "token", "://", "@"]
    )
).map("".join)


@given(HOSTILE, st.sampled_from(NAMES), st.sampled_from(FORMS), HOSTILE)
def test_what_is_marked_never_survives(before: str, name: str, form: str, after: str):
    """Whatever stands around it."""
    assert "m4rk" not in redact(f"{before} of {form.format(name, 'm4rk')} {after}")


@given(st.text(st.sampled_from("ab \\\"'")), st.sampled_from(['"', "'"]))
def test_a_quoted_secret_goes_as_a_whole(secret: str, quote: str):
    """As Python and JSON quote it, and JSON within JSON."""
    for quoted in (json.dumps(f"{secret}m4rk"), json.dumps(json.dumps(f"{secret}m4rk")), repr(f"{secret}m4rk")):
        shown = redact(f"{{{quote}password{quote}: {quoted}, {quote}n{quote}: 1}}")
        assert "m4rk" not in shown
        assert shown.endswith(f"***, {quote}n{quote}: 1}}")


PIECES = ["://", "a@", "password= ", 'password="\\', "secret:{", 'token=\\"a', "a-key", "signature=,", "pwd=,a", "%40"]


@pytest.mark.parametrize("piece", [*PIECES, "a", "\\", " ", "4 ", "x-v1="])
def test_it_takes_linear_time(piece: str):
    """512 KiB take a second or less; were it the square, they would take minutes."""
    for text in (piece * (512 * 1024 // len(piece)), "password=" + piece * (512 * 1024 // len(piece))):
        began_s = time.process_time()
        redact(text, len(text))
        assert time.process_time() - began_s < 10


@given(st.text(max_size=300), st.integers(min_value=10, max_value=100))
def test_it_is_bounded_and_never_fails(text: str, chars: int):
    assert len(redact(text * 50, chars)) <= 4 * chars + 100


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_becomes_json(value):
    json.dumps(redact_value(value))


@given(st.integers(min_value=0, max_value=200))
def test_what_is_cut_off_does_not_show_a_part(before: int):
    """Wherever the middle begins: a half of a mail address would not be known for one."""
    text = "x " * 30 + "y" * before + " budi.santoso@example.com " + "z " * 300
    assert "budi" not in redact(text, 200)


@pytest.mark.parametrize(
    "secret",
    [
        "budi.santoso@example.com",
        "password=" + "budi" * 40,
        "://" + "budi" * 60 + "@host",
        "token='" + "budi " * 40 + "'",
        "4811 1111 1111 1114",
        "budi" * 400,
    ],
)
@pytest.mark.parametrize("before", range(0, 300, 7))
def test_what_is_cut_is_known_by_its_whole(secret: str, before: int):
    """Also where it is long, or has spaces in it; a word without an end is left out whatever it is."""
    shown = redact("x " * before + secret + " z" * (500 - before), 600)
    assert "budi" not in shown
    assert "1111 1" not in shown
    assert shown.startswith("x x") or before < 2


@pytest.mark.parametrize("value", [4811111111111114, 4811111111111114.0, [4811111111111114], {"n": 4811111111111114}])
def test_a_card_number_is_no_number(value: object):
    assert "4811" not in json.dumps(redact_value(value))


@pytest.mark.parametrize("value", [150_000, -3, 0.25, True, None])
def test_other_numbers_are(value: object):
    assert redact_value(value) is value


def test_what_is_no_number_in_json_is_a_text():
    assert redact_value(float("nan")) == "nan"


def test_bytes_are_told_as_their_number():
    assert redact_value({"body": b"a raw body"}) == {"body": "10 bytes"}


@pytest.mark.parametrize(
    "name", ["password", "db_password", "api_key", "stripe-signature", "x-callback-token", "secret"]
)
def test_a_name_says_that_its_value_is_secret(name: str):
    assert redact_named(name, "abc") == "***"
    assert redact_value({name: "abc"}) == {name: "***"}


def test_what_is_deep_or_long_is_cut():
    deep: list[object] = []
    for _ in range(100):
        deep = [deep, "leaf"]
    assert len(json.dumps(redact_value(deep))) < 5_000
    assert len(redact_value(list(range(10_000)))) == 50


class _Diagnosis:
    constraint_name = "transactions_amount_positive"
    table_name = "transactions"
    column_name = None


class _Violation(psycopg2.IntegrityError):
    """As libpq tells it; psycopg2 lets nobody set these."""

    pgcode = "23514"
    diag = _Diagnosis()  # type: ignore[assignment]  # of the same form


def test_of_the_database_the_names_are_told_and_no_row():
    violation = _Violation("new row violates check\nDETAIL: Failing row contains (1, budi@example.com, {...}).")
    assert message_of(violation) == "SQLSTATE 23514, constraint transactions_amount_positive, table transactions"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql//paylink:mark@host/paylink",
        "postgresql://paylink:x@127.0.0.1:mark/paylink",
        "postgresql://paylink:x/mark@127.0.0.1:1/paylink",
        "host=127.0.0.1 port=1 password='mark",
        "postgresql://paylink:mark@127.0.0.1:1/paylink",
    ],
)
def test_an_address_that_the_driver_quotes_is_not_told(url: str):
    """It quotes the address that it cannot read, with the password in it."""
    with pytest.raises(psycopg2.Error) as failed:
        psycopg2.connect(url, connect_timeout=1)
    assert "mark" not in describe_exception(failed.value).rpartition("psycopg2.")[2]
    assert "mark" not in message_of(failed.value)


def test_of_validation_the_fields_are_told_and_not_what_was_sent():
    class Body(pydantic.BaseModel):
        email: int

    with pytest.raises(pydantic.ValidationError) as failed:
        Body(email="budi@example.com")  # type: ignore[arg-type]  # this is what is tested
    assert message_of(failed.value) == "email: int_parsing"


def test_long_quotes_are_no_names():
    body = json.dumps({"order": "x" * 100})
    with pytest.raises(ValueError, match="order") as failed:
        int(body)
    assert message_of(failed.value) == "invalid literal for int() with base 10: '***'"
    assert message_of(KeyError("state")) == "'state'"


def test_a_traceback_reads_as_pythons_own():
    def fail() -> None:
        try:
            int("x")
        except ValueError as exc:
            raise LookupError("of budi@example.com") from exc

    with pytest.raises(LookupError) as failed:
        fail()
    text = describe_exception(failed.value)
    first, words, second = text.partition("\nThe above exception was the direct cause of the following exception:\n\n")
    assert words
    assert first.startswith("Traceback (most recent call last):\n  File ")
    assert first.endswith("ValueError: invalid literal for int() with base 10: 'x'\n")
    assert second.endswith("LookupError: of ***\n")


def test_a_group_tells_of_each_and_a_circle_ends():
    group = ExceptionGroup("two", [ValueError("of budi@example.com"), KeyError("b")])
    text = describe_exception(group)
    assert "ValueError: of ***\n" in text
    assert "KeyError: 'b'\n" in text
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert describe_exception(one).count("ValueError") == 2


def test_a_message_that_raises_costs_no_line():
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert describe_exception(Odd()).endswith("Odd: (its message cannot be told)\n")


def test_it_is_bounded():
    assert len(message_of(ValueError("x" * 10_000))) < MESSAGE_CHARS_MAX + 100

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        raise ValueError("x")

    def chained(left: int) -> None:
        try:
            deep(100)
        except ValueError:
            if left:
                chained(left - 1)
            raise

    with pytest.raises(ValueError, match="x") as failed:
        chained(20)
    assert len(describe_exception(failed.value)) < TRACEBACK_CHARS_MAX + 100
