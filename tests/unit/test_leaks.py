"""The searcher of the leak test finds a mark in every form, and only where it may not be."""

import base64
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.leaks import Leak, Mark, Place, find_leaks

SECRET = 'aQ9/x+7Zr"é@k2Lm4Np6Qr8St0Uv2Wx4'
MARK = Mark("secret", SECRET)
LOG = Place("log", "gateway.log")

FORMS = {
    "plain": SECRET.encode(),
    "base64": base64.b64encode(SECRET.encode()),
    "base64 in Basic": base64.b64encode(f"{SECRET}:".encode()),
    "base64 after one": base64.b64encode(f"a{SECRET}b".encode()),
    "base64 after two": base64.b64encode(f"ab{SECRET}".encode()),
    "base64url": base64.urlsafe_b64encode(f"ab{SECRET}".encode()),
    "hex": SECRET.encode().hex().encode(),
    "upper hex": SECRET.encode().hex().upper().encode(),
    "url": urllib.parse.quote(SECRET).encode(),
    "url, all of it": urllib.parse.quote(SECRET, safe="").encode(),
    "form": urllib.parse.urlencode({"a": SECRET}).encode(),
    "json": json.dumps({"a": SECRET}).encode(),
    "json, unescaped": json.dumps({"a": SECRET}, ensure_ascii=False).encode(),
    "json in json": json.dumps({"line": json.dumps({"a": SECRET})}).encode(),
    "text of python": repr(SECRET).encode(),
    "bytes of python": repr(SECRET.encode()).encode(),
}


@pytest.mark.parametrize("shown", FORMS.values(), ids=FORMS.keys())
def test_it_is_found_in_every_form(shown: bytes):
    assert find_leaks([MARK], LOG, b"before " + shown + b" after")


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_it_is_found_in_the_base64_of_whatever_holds_it(before: bytes, after: bytes):
    data = base64.b64encode(before + SECRET.encode() + after)
    assert find_leaks([MARK], LOG, data)


@pytest.mark.parametrize("part", [slice(0, 12), slice(-12, None)], ids=["beginning", "end"])
def test_a_part_of_a_long_one_is_found(part: slice):
    mark = Mark("long", "0123456789abcdefghijklmnopqrstuvwxyzABCDEF")
    assert find_leaks([mark], LOG, str(mark.text)[part].encode())


def test_raw_bytes_are_found_as_well():
    key = bytes(range(200, 232))
    mark = Mark("key", key)
    for shown in (key, key.hex().encode(), base64.b64encode(key), repr(key).encode()):
        assert find_leaks([mark], LOG, b"x" + shown)


def test_other_texts_are_no_leak():
    assert find_leaks([MARK], LOG, b"aQ9/x+7Zr and the like") == []
    assert find_leaks([MARK], LOG, b"") == []


def test_it_may_be_where_it_is_allowed():
    mark = Mark("mail", "budi.7f3a@example.com", allowed=(("database", "transactions.customer_"),))
    held = b"budi.7f3a@example.com"
    assert find_leaks([mark], Place("database", "transactions.customer_email"), held) == []
    for place in (Place("database", "transactions.metadata"), Place("log", "transactions.customer_email"), LOG):
        assert find_leaks([mark], place, held) == [Leak("mail", "plain", place)]
