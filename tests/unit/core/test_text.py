"""What a text may hold: all that people write, in any script, and nothing that hides or rearranges it."""

import re

import pytest

from paylink.core.text import PRINTABLE, is_printable


@pytest.mark.parametrize(
    "text",
    ["Kopi susu", "山田　太郎", "12 000 Rp", "👩‍👩‍👧 family", "نص عربي", "", "price\u202f10"],
)
def test_what_people_write_is_taken(text):
    assert is_printable(text)
    assert re.search(PRINTABLE, text)


@pytest.mark.parametrize("character", ["\0", "\n", "\t", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff"])
def test_what_breaks_lines_or_turns_the_writing_is_refused(character):
    assert not is_printable(f"a{character}b")
    assert not re.search(PRINTABLE.replace("$", r"\Z"), f"a{character}b")


def test_half_a_character_is_refused():
    assert not is_printable("a\ud83d")
