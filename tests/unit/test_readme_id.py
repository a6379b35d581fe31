"""README.id.md follows README.md: what one gets and the other does not fails here, and the message says where."""

import re
from collections import Counter
from difflib import unified_diff
from itertools import zip_longest

from support.stack import REPOSITORY

ENGLISH = (REPOSITORY / "README.md").read_text(encoding="utf-8")
INDONESIAN = (REPOSITORY / "README.id.md").read_text(encoding="utf-8")
TO_INDONESIAN = "[Bahasa Indonesia](README.id.md)"
TO_ENGLISH = "[English](README.md)"

FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|<(https?://[^>\s]+)>")
TABLE_BODY = re.compile(r"^\|[-:| ]+\|\n((?:\|.*\n)+)", re.M)


def prose(text: str) -> str:
    """The document with each fenced block as one bare line, and without the link to the other language."""
    return FENCED.sub("```", text).replace(TO_INDONESIAN, "").replace(TO_ENGLISH, "")


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ .+$", prose(text), re.M)


def section_pairs() -> list[tuple[str, str, str]]:
    """(English heading, English section, Indonesian section); what has no partner is paired with an empty one."""
    split = [re.split(r"^(?=#+ )", prose(text), flags=re.M)[1:] for text in (ENGLISH, INDONESIAN)]
    return [((en or id_).partition("\n")[0], en, id_) for en, id_ in zip_longest(*split, fillvalue="")]


def links(text: str) -> list[str]:
    return [inline or bare for inline, bare in LINK.findall(CODE.sub("", prose(text)))]


def table_rows(text: str) -> list[str]:
    """First cell and number of cells of every row below a table's head. The head itself is translated."""
    rows = [row for body in TABLE_BODY.findall(prose(text)) for row in body.splitlines()]
    return [f"{row.split('|')[1].strip()} ({row.count('|') - 1} cells)" for row in rows]


def difference(english: list[str], indonesian: list[str]) -> str:
    return "\n".join(unified_diff(english, indonesian, "README.md", "README.id.md", n=0, lineterm=""))


def test_each_readme_leads_to_the_other_at_its_top():
    assert TO_INDONESIAN in ENGLISH.splitlines()[:3], f"README.md: put {TO_INDONESIAN} on a line below the title"
    assert TO_ENGLISH in INDONESIAN.splitlines()[:3], f"README.id.md: put {TO_ENGLISH} on a line below the title"


def test_the_headings_have_the_same_levels_in_the_same_order():
    english, indonesian = headings(ENGLISH), headings(INDONESIAN)
    levels = [[heading.split()[0] for heading in found] for found in (english, indonesian)]
    assert levels[0] == levels[1], f"give both the same headings:\nREADME.md {english}\nREADME.id.md {indonesian}"


def test_each_section_has_as_many_lines():
    """A sentence, bullet or row has its own line, so a line without a partner is one that was not translated."""
    counts = [
        (heading, *(sum(1 for line in part.splitlines() if line.strip()) for part in (en, id_)))
        for heading, en, id_ in section_pairs()
    ]
    uneven = [f"{heading}: README.md has {en} lines, README.id.md {id_}" for heading, en, id_ in counts if en != id_]
    assert not uneven, "translate line by line:\n" + "\n".join(uneven)


def test_the_fenced_blocks_are_identical():
    english, indonesian = ("\n".join(FENCED.findall(text)).splitlines() for text in (ENGLISH, INDONESIAN))
    assert english == indonesian, "copy the blocks from README.md as they are:\n" + difference(english, indonesian)


def test_the_links_have_the_same_targets_in_the_same_order():
    english, indonesian = links(ENGLISH), links(INDONESIAN)
    assert english == indonesian, "link to the same targets in the same order:\n" + difference(english, indonesian)


def test_each_section_has_the_same_inline_code():
    changed = []
    for heading, en, id_ in section_pairs():
        english, indonesian = Counter(CODE.findall(en)), Counter(CODE.findall(id_))
        if english != indonesian:
            missing, surplus = list((english - indonesian).elements()), list((indonesian - english).elements())
            changed.append(f"{heading}: README.id.md lacks {missing}, and has {surplus} that README.md has not")
    assert not changed, "name the same code in each section:\n" + "\n".join(changed)


def test_the_tables_have_the_same_first_column_and_width():
    english, indonesian = table_rows(ENGLISH), table_rows(INDONESIAN)
    assert english == indonesian, "give the tables the same rows and columns:\n" + difference(english, indonesian)
