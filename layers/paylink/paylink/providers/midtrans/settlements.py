"""The dashboard's export of settlements, a CSV file, read as settlement lines."""

import csv
from collections.abc import Iterable, Iterator, Mapping

from paylink.providers.midtrans.layout import NEEDED, Layout, plain, read_layout
from paylink.providers.midtrans.rows import RepeatedRows, line_of
from paylink.providers.port import Account
from paylink.providers.settlements import LINE_SIZE_MAX, SettlementLine, UnreadableFile

_DELIMITERS = (",", ";", "\t")
_TEXT_LINES_A_ROW = 50
"""A cell may hold line breaks. A quote that is never closed would take in the rest of the file."""


class MidtransSettlementFile:
    """Columns are found by name, in any order; those that are not known are ignored."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def read_lines(self, account: Account, lines: Iterable[str]) -> Iterator[SettlementLine]:
        del account  # An export is that of one account, and does not name it.
        text = _Text(lines)
        header = text.header()
        delimiter = max(_DELIMITERS, key=lambda sign: len(self._columns(_split(header, sign))))
        titles = _split(header, delimiter)
        columns, width = self._checked(text.row, titles), len(titles)
        names = {column: titles[place].strip() for column, place in columns.items()}
        repeated = RepeatedRows()
        for cells in text.rows(delimiter):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < width or any(cell.strip() for cell in cells[width:]):
                raise UnreadableFile(f"row {text.row}: {len(cells)} cells under a header of {width}")
            told = {column: cells[place].strip() for column, place in columns.items()}
            line = line_of(told, names, self._layout, text.row)
            if line is not None:
                yield repeated.told_apart(line)

    def _columns(self, header: list[str]) -> dict[str, list[int]]:
        """Return where each column that is known stands."""
        names = {plain(name): column for column, spellings in self._layout.columns.items() for name in spellings}
        found: dict[str, list[int]] = {}
        for place, cell in enumerate(header):
            if column := names.get(plain(cell)):
                found.setdefault(column, []).append(place)
        return found

    def _checked(self, row: int, header: list[str]) -> dict[str, int]:
        columns = self._columns(header)
        if not columns:
            raise UnreadableFile(f"row {row}: no header: the name of no column is known")
        for column, places in columns.items():
            if len(places) > 1:
                raise UnreadableFile(f"row {row}: {len(places)} columns tell the same: {self._layout.names_of(column)}")
        for group in NEEDED:
            if not any(column in columns for column in group):
                names = "; or ".join(self._layout.names_of(column) for column in group)
                raise UnreadableFile(f"row {row}: a needed column is missing: {names}")
        return {column: places[0] for column, places in columns.items()}


class _Text:
    """A file's text lines, checked as they come. `row` is the one read last, as a spreadsheet counts, from 1."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._of_this_row = 0
        self.row = 0

    def header(self) -> str:
        """Return the first line that says something; a spreadsheet's `sep=;` and blank lines before it do not."""
        self.row = 1
        for line in self._checked():
            text = line.removeprefix("\ufeff").strip()
            if text and not text.lower().startswith("sep="):
                return text
            self.row += 1
            self._of_this_row = 0
        raise UnreadableFile("the file is empty")

    def rows(self, delimiter: str) -> Iterator[list[str]]:
        reader = csv.reader(self._checked(), delimiter=delimiter, strict=True)
        while True:
            self.row += 1
            self._of_this_row = 0
            try:
                cells = next(reader, None)
            except csv.Error:
                reason = "not CSV: a quote stands where none may, or a cell is too long"
                raise UnreadableFile(f"row {self.row}: {reason}") from None
            if cells is None:
                return
            yield cells

    def _checked(self) -> Iterator[str]:
        while True:
            try:
                line = next(self._lines, None)
            except UnicodeDecodeError:
                raise UnreadableFile(f"row {self.row}: not in UTF-8: save the file as CSV in UTF-8") from None
            if line is None:
                return
            self._of_this_row += 1
            if self._of_this_row > _TEXT_LINES_A_ROW:
                raise UnreadableFile(f"row {self.row}: longer than {_TEXT_LINES_A_ROW} lines: a quote is not closed")
            if len(line) > LINE_SIZE_MAX:
                raise UnreadableFile(f"row {self.row}: a line of more than {LINE_SIZE_MAX} characters")
            if "\0" in line or not _is_writable(line):
                raise UnreadableFile(f"row {self.row}: binary, or not in UTF-8")
            yield line


def _is_writable(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True


def _split(header: str, delimiter: str) -> list[str]:
    """Return the names of the columns. A header that is not CSV by this delimiter has none that are known."""
    try:
        return next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def settlement_file(environ: Mapping[str, str]) -> MidtransSettlementFile:
    return MidtransSettlementFile(read_layout(environ))
