"""The dashboard's export as settlement lines: whatever the file says, its lines are exact, or it is refused."""

import csv
import io
import re
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paylink.providers.midtrans.cells import read_amount, read_identifier, read_time
from paylink.providers.midtrans.layout import DEFAULT, SETTING
from paylink.providers.midtrans.rows import RepeatedRows
from paylink.providers.midtrans.settlements import settlement_file
from paylink.providers.payments import Reference
from paylink.providers.port import Account
from paylink.providers.settlements import LINE_SIZE_MAX, LineKind, SettlementLine, UnreadableFile, decoded_lines

ACCOUNT = Account(UUID(int=1), UUID(int=2), "midtrans", "default", ())
HEADER = "Mutation ID,Order ID,Transaction Type,Gross Amount,Fee,Net Amount,Settlement Time"
ROW = "MUT-1,order-1,Payment,150000,3330,146670,2026-01-01 07:04:02"


def read(lines: Iterable[str], environ: dict[str, str] | None = None) -> list[SettlementLine]:
    return list(settlement_file(environ or {}).read_lines(ACCOUNT, lines))


def read_bytes(raw: bytes) -> list[SettlementLine]:
    return read(decoded_lines(io.BytesIO(raw)))


def refused(*lines: str) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read(f"{line}\n" for line in lines)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("150000", 150_000),
        ("150000.00", 150_000),
        ("150000.0", 150_000),
        ("150000,00", 150_000),
        ("0", 0),
        ("0.00", 0),
        ("Rp 150.000", 150_000),
        ("Rp150.000", 150_000),
        ("Rp. 150.000,00", 150_000),
        ("Rp\xa01.500.000", 1_500_000),
        ("Rp 150000", 150_000),
        ("150,000.00", 150_000),
        ("150.000,00", 150_000),
        ("1,500,000", 1_500_000),
        ("1.500.000", 1_500_000),
        ("12,345,678.0", 12_345_678),
        ("-50000", -50_000),
        ("-Rp 50.000", -50_000),
        ("Rp -50.000", -50_000),
        ("999999999999999", 999_999_999_999_999),
    ],
)
def test_an_amount_is_read(text: str, amount: int):
    assert read_amount(text, "IDR", "") == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "150.000",
        "150,000",
        "Rp 150,000",
        "1.50",
        "150000.50",
        "150000,5",
        "1.500,000",
        "1,500.000",
        "1.5000.000",
        "15,00,000",
        "1,500,00",
        "01.500.000",
        "1.500.000.00",
        "--5",
        "-Rp -5",
        "(50000)",
        "+50000",
        "5e4",
        "1.5E+05",
        "=150000",
        "'150000",
        "USD 150",
        "IDR 150.000",
        "150 000",
        "150000 ",
        "0x10",
        "1_000",
        "NaN",
        "\N{ARABIC-INDIC DIGIT ONE}5",
        "1234567890123456",
        "150000\n",
        ".5",
        "5.",
        ",",
        "Rp",
    ],
)
def test_an_amount_that_could_be_two_is_refused(text: str):
    with pytest.raises(ValueError, match=r"amount|decimals"):
        read_amount(text, "IDR", "")


@pytest.mark.parametrize(
    ("text", "thousands", "amount"),
    [("150.000", ".", 150_000), ("150,000", ",", 150_000), ("150.00", ".", 150), ("1.500.000", ",", 1_500_000)],
)
def test_the_layout_may_say_what_a_lone_separator_is(text: str, thousands: str, amount: int):
    assert read_amount(text, "IDR", thousands) == amount


def test_another_currency_has_its_own_decimals():
    assert read_amount("1,234.56", "USD", "") == 123_456
    assert read_amount("12", "USD", "") == 1_200
    for text, currency in (("1.234", "USD"), ("1", "XXX"), ("Rp 1", "USD"), ("999999999999999", "USD")):
        with pytest.raises(ValueError, match=r"amount|currency"):
            read_amount(text, currency, "")


@given(st.integers(0, 10**15 - 1), st.sampled_from(["IDR", "USD"]))
def test_an_amount_reads_the_same_in_every_form(units: int, currency: str):
    decimals = 2 if currency == "USD" else 0
    whole, rest = divmod(units, 10**decimals)
    fraction = f"{rest:0{decimals}}" if decimals else "00"
    english = f"{whole:,}"
    local = english.replace(",", ".")
    forms = [f"{whole}.{fraction}", f"{english}.{fraction}", f"{local},{fraction}"]
    forms += [f"Rp {local}", f"{whole}"] if currency == "IDR" else []
    assert {read_amount(form, currency, "") for form in forms} == {units}
    assert {read_amount(f"-{form}", currency, "") for form in forms} == {-units}


@given(st.text(alphabet="0123456789.,-Rp ", max_size=24), st.sampled_from(["", ".", ","]))
@example("1,234,567", "")
def test_what_is_read_has_the_digits_of_the_text(text: str, thousands: str):
    """No separator or sign makes another number of it: only zeros behind a decimal mark may be left out."""
    try:
        amount = read_amount(text, "IDR", thousands)
    except ValueError:
        return
    decimals = re.search(r"[.,](0{1,2})$", text)
    whole = text.removesuffix(decimals[0]) if decimals else text
    assert str(abs(amount)) == ("".join(filter(str.isdigit, whole)).lstrip("0") or "0")
    assert (amount < 0) == ("-" in text and amount != 0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01 07:04:02", datetime(2026, 1, 1, 0, 4, 2, tzinfo=UTC)),
        ("2026-01-01T07:04:02+07:00", datetime(2026, 1, 1, 0, 4, 2, tzinfo=UTC)),
        ("2026-01-01 07:04:02 +0700", datetime(2026, 1, 1, 0, 4, 2, tzinfo=UTC)),
        ("2026-01-01T00:04:02Z", datetime(2026, 1, 1, 0, 4, 2, tzinfo=UTC)),
        ("2026-01-01T00:04:02.250Z", datetime(2026, 1, 1, 0, 4, 2, 250_000, tzinfo=UTC)),
        ("2026-01-01 07:04", datetime(2026, 1, 1, 0, 4, tzinfo=UTC)),
        ("2026-01-01", datetime(2025, 12, 31, 17, tzinfo=UTC)),
        ("01 Jan 2026, 07:04", datetime(2026, 1, 1, 0, 4, tzinfo=UTC)),
        ("1 January 2026 07:04:02", datetime(2026, 1, 1, 0, 4, 2, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_western_indonesian_time_unless_it_says_otherwise(text: str, moment: datetime):
    assert read_time(text, DEFAULT.time_formats, DEFAULT.zone) == moment


@pytest.mark.parametrize(
    "text",
    ["01/02/2026 07:04", "2026-13-01", "2026-02-30 10:00", "20260101", "2026-W01-1", "46023.3", "0001-01-01", "x"],
)
def test_a_time_that_could_be_two_is_refused(text: str):
    with pytest.raises(ValueError, match="time"):
        read_time(text, DEFAULT.time_formats, DEFAULT.zone)


@pytest.mark.parametrize("text", ["1.23457E+15", "=A1", "@x", "a b", "ä", "x" * 256, "a\nb"])
def test_what_is_no_identifier_is_refused(text: str):
    with pytest.raises(ValueError, match=r"identifier|spreadsheet"):
        read_identifier(text)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "the file is empty"),
        ([" ", ""], "the file is empty"),
        ([ROW], "row 1: no header: the name of no column is known"),
        (["\x00\x01\x02"], "row 1: binary, or not in UTF-8"),
        ([HEADER, "MUT-1,\x00"], "row 2: binary, or not in UTF-8"),
        ([HEADER, "\ud800"], "row 2: binary, or not in UTF-8"),
        ([HEADER, ROW, ROW[:30]], "row 3: 5 cells under a header of 7"),
        ([HEADER, ROW + ",surplus"], "row 2: 8 cells under a header of 7"),
        ([HEADER, ROW, '"not closed', *["x"] * 60], "row 3: longer than 50 lines: a quote is not closed"),
        ([HEADER, ROW.replace("order-1", '"order"-1')], "row 2: not CSV: a quote stands where none may"),
        ([HEADER, "x" * (LINE_SIZE_MAX + 1)], f"row 2: a line of more than {LINE_SIZE_MAX} characters"),
        ([HEADER + ",Amount", ROW + ",1"], "row 1: 2 columns tell the same: 'Gross Amount', 'Amount'"),
        (["Order ID,Type,Amount,Fee", "x,Payment,1,0"], "row 1: a needed column is missing: 'Transaction Time'"),
        (["Type,Amount,Fee,Settlement Time", "x"], "row 1: a needed column is missing: 'Order ID'"),
        ([HEADER, ROW.replace("150000", "")], "row 2, column 'Gross Amount': not there"),
        ([HEADER, ROW.replace(",150000", ",-150000")], "row 2, column 'Gross Amount': less than nothing came in"),
        ([HEADER, ROW.replace("3330,146670", ",")], "row 2, column 'Net Amount': not there"),
        ([HEADER, ROW.replace("2026-01-01 07:04:02", "")], "row 2, column 'Settlement Time': not there"),
        ([HEADER, ROW.replace("order-1", "=HYPERLINK(1)")], "row 2, column 'Order ID': not an identifier"),
        ([HEADER, ROW.replace("Payment", "")], "row 2, column 'Transaction Type': a word that is not known"),
        ([HEADER + ",Currency", ROW + ",XXX"], "row 2, column 'Currency': a currency that cannot be read"),
        ([HEADER + ",Status", ROW + ",Odd"], "row 2, column 'Status': a word that is not known"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(lines: list[str], reason: str):
    assert refused(*lines).startswith(reason)


def test_an_error_repeats_nothing_of_a_payer():
    """Neither the cell that is wrong nor its neighbours."""
    for place in range(HEADER.count(",") + 1):
        cells = ROW.split(",")
        cells[place] = "Budi Santoso <budi@example.com>"
        assert "budi" not in refused(f"Customer,{HEADER}", ",".join(["Budi Santoso", *cells])).lower()


def test_another_encoding_is_told():
    header = f"{HEADER},Nama\n".encode()
    for raw in (
        header + f"{ROW},Café\n".encode("latin-1"),
        (HEADER + "\n").encode("utf-16"),
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"PK\x03\x04\xff\xfe" * 50,
    ):
        with pytest.raises(UnreadableFile, match="UTF-8"):
            read_bytes(raw)


def test_a_file_with_a_giant_line_is_refused_before_it_is_in_memory():
    with pytest.raises(UnreadableFile, match="line 2 is longer than"):
        read_bytes(f"{HEADER}\n".encode() + b"x" * (8 * 1024 * 1024))


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored():
    [plain] = read([f"{HEADER}\n", f"{ROW}\n"])
    names, cells = HEADER.split(","), ROW.split(",")
    mixed = ["Customer Name", *[name.upper().replace(" ", "_") for name in reversed(names)], "Note"]
    told = ['"Budi; ""B"""', *reversed(cells), '"two\nlines"']
    assert read(f"{','.join(mixed)}\n{','.join(told)}\n".splitlines(keepends=True)) == [plain]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "\ufeff", "sep={}\n", "\n\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_from_a_spreadsheet_reads_the_same(delimiter: str, before: str, end: str):
    text = before.format(delimiter) + f"{HEADER}\n{ROW}\n\n".replace(",", delimiter) + delimiter * 6 + "\n"
    raw = text.replace("\n", end).encode()
    assert read_bytes(raw) == read([HEADER, ROW])


def test_a_fee_is_kept_back_however_it_is_written():
    """With or without a minus sign, a tax, or a net amount: the one is told by the other two."""
    header = "Mutation ID,Order ID,Type,Amount,Fee,VAT,Net,Settlement Time"
    for figures in ("3000,330,146670", "-3000,-330,146670", ",,146670", "3000,330,", "3330,,146670", "-3330,-,146670"):
        [line] = read([header, f"MUT-1,order-1,Payment,150000,{figures},2026-01-01 07:04:02"])
        assert (line.amount, line.fee, line.net) == (150_000, 3_330, 146_670), figures
    assert "less than nothing" in refused(header, "MUT-1,order-1,Payment,150000,-3000,,,2026-01-01")


def test_figures_that_do_not_add_up_are_told_as_they_stand():
    """That is reconciliation's to find."""
    [line] = read([HEADER, ROW.replace("146670", "140000")])
    assert (line.amount, line.fee, line.net) == (150_000, 3_330, 140_000)


@pytest.mark.parametrize("type_", ["Refund", "Chargeback", "Payout", "Fee", "Payment Reversal"])
def test_what_goes_out_goes_out_with_or_without_a_sign(type_: str):
    for amount, net in (("50000", "50000"), ("-50000", "-50000"), ("50000", "-50000")):
        [line] = read([HEADER, f"MUT-1,order-1,{type_},{amount},0,{net},2026-01-01"])
        assert (line.amount, line.fee, line.net) == (-50_000, 0, -50_000)


def test_an_adjustment_goes_as_its_sign_says():
    for amount in (500, -500):
        [line] = read([HEADER, f"MUT-1,,Adjustment,{amount},0,{amount},2026-01-01"])
        assert (line.kind, line.amount, line.paid_amount) == (LineKind.ADJUSTMENT, amount, None)


def test_the_same_row_has_the_same_name_in_every_file():
    """So that imports may overlap; equal rows of one file are told apart by their number."""
    header = "Order ID,Type,Amount,Net,Settlement Time"
    a, b = (f"order-{name},Payment,1000,900,2026-01-01 07:04:02" for name in "ab")
    first = [line.line_id for line in read([header, a, b, a])]
    assert first[0] != first[1]
    assert first[2] == f"{first[0]}-2"
    assert sorted(line.line_id for line in read([header, a, a, b])) == sorted(first)
    assert [line.line_id for line in read([header, b])] == [first[1]]


def test_a_row_without_a_name_keeps_it_once_it_is_settled():
    header = "Order ID,Type,Status,Amount,Fee,Transaction Time,Settlement Time"
    [announced] = read([header, "order-1,Payment,Capture,150000,,2026-01-01 07:03:11,"])
    [settled] = read([header, "order-1,Payment,Settlement,150000,3330,2026-01-01 07:03:11,2026-01-02 07:00:00"])
    assert (announced.settled, settled.settled) == (False, True)
    assert announced.line_id == settled.line_id


def test_a_payment_that_moved_no_money_is_no_line():
    header = f"{HEADER},Status"
    assert read([header, *(f"{ROW},{status}" for status in ("Pending", "Deny", "Expire", "cancel", "FAILURE"))]) == []


def test_a_refund_of_ours_is_named_by_its_key():
    refund = "019a5b40-0000-7000-8000-00000000000f"
    [line] = read([f"{HEADER},Refund Key", f"MUT-1,order-1,Refund,-1,0,-1,2026-01-01,{refund}"])
    assert line.references == (
        Reference("refund", refund), Reference("refund_reference", refund), Reference("order", "order-1")
    )  # fmt: skip


CELLS = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [*HEADER.split(","), *ROW.split(","), "Refund", "Rp 1.000", '"', '"a', "-", "=1", "\ufeff", "sep=;", "1.5"]
)
FILES = st.lists(st.lists(CELLS, max_size=9), max_size=8)


@given(FILES, st.sampled_from([",", ";", "\t"]), st.booleans())
def test_any_text_gives_lines_or_is_refused(rows: list[list[str]], delimiter: str, with_header: bool):
    text = "\n".join(delimiter.join(row) for row in rows)
    head = HEADER.replace(",", delimiter) + "\n" if with_header else ""
    try:
        lines = read((head + text).splitlines(keepends=True))
    except UnreadableFile:
        return
    assert all(line.occurred_at.tzinfo and line.line_id for line in lines)


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf" + HEADER.encode() + b"\n" + ROW.encode())
def test_any_bytes_give_lines_or_are_refused(raw: bytes):
    try:
        read_bytes(raw)
    except UnreadableFile:
        return


FIGURES = st.tuples(st.integers(0, 10**12), st.integers(0, 10**9), st.sampled_from(["Payment", "Refund", "Fee"]))
WRITTEN = st.sampled_from(["{}", "{}.00", "{:,}.00", "local", "rupiah"])


@given(st.lists(FIGURES, max_size=30), WRITTEN, WRITTEN, st.sampled_from([",", ";"]), st.booleans())
def test_the_sums_of_the_lines_are_those_of_the_file(figures, gross_as: str, net_as: str, delimiter: str, named: bool):
    """Whatever way the amounts are written in, and with ids or without."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    names = HEADER.split(",")
    writer.writerow(names if named else names[1:])
    expected = []
    for number, (amount, fee, type_) in enumerate(figures):
        sign = 1 if type_ == "Payment" else -1
        net = sign * amount - fee
        expected.append((sign * amount, fee, net))
        row = [f"MUT-{number}", f"order-{number % 3}", type_]
        row += [_written(sign * amount, gross_as), _written(fee, gross_as), _written(net, net_as)]
        row.append("2026-01-01 07:04:02")
        writer.writerow(row if named else row[1:])
    lines = read(text.getvalue().splitlines(keepends=True))
    assert [(line.amount, line.fee, line.net) for line in lines] == expected
    assert len({line.line_id for line in lines}) == len(figures)


def _written(amount: int, form: str) -> str:
    local = f"{abs(amount):,}".replace(",", ".")
    sign = "-" if amount < 0 else ""
    if form == "rupiah":
        return f"{sign}Rp {local}"
    return f"{sign}{local},00" if form == "local" else form.format(amount)


ROWS = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), min_size=1, max_size=4)


@given(ROWS, st.data())
def test_a_file_with_one_wrong_character_is_refused_or_read_as_it_says(
    figures: list[tuple[int, int]], data: st.DataObject
):
    """What is accepted has the sums that others would read: nothing is half read, or moves to another cell."""
    rows = [
        f"MUT-{number},order-{number},Payment,{amount + fee}.00,{fee}.00,{amount}.00,2026-01-01 07:04:02"
        for number, (amount, fee) in enumerate(figures)
    ]
    text = "\n".join([HEADER, *rows]) + "\n"
    place = data.draw(st.integers(0, len(text) - 1))
    put, over = data.draw(st.sampled_from('0123456789.,-;"\n\t\0Rp =x')), data.draw(st.integers(0, 1))
    wrong = text[:place] + put + text[place + over :]
    try:
        lines = read(wrong.splitlines(keepends=True))
    except UnreadableFile:
        return
    cells = [row for row in csv.reader(wrong.splitlines(keepends=True)) if any(map(str.strip, row))][1:]
    assert sum(line.amount for line in lines) == sum(Decimal(row[3].strip()) for row in cells)
    assert sum(line.net for line in lines) == sum(Decimal(row[5].strip()) for row in cells)
    assert len(lines) == len(figures)


def test_memory_does_not_grow_with_the_file():
    def rows(count: int) -> Iterator[str]:
        yield f"{HEADER}\n"
        for number in range(count):
            yield f"MUT-{number},order-{number},Payment,1000,100,900,2026-01-01 07:04:02\n"

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            assert sum(1 for _ in settlement_file({}).read_lines(ACCOUNT, rows(count))) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    # A hundred bytes kept of each row would be more.
    assert peak(8_000) < 512 * 1024


def test_rows_without_a_name_are_remembered_for_a_while_only():
    """Equal rows stand close in an export; a million others between them do not fill the memory."""
    [line] = read(["Order ID,Type,Amount,Net,Settlement Time", "order-1,Payment,1000,900,2026-01-01"])
    repeated = RepeatedRows()
    for number in range(60_000):
        repeated.told_apart(replace(line, line_id=f"row:{number}"))
    assert repeated.told_apart(replace(line, line_id="row:59999")).line_id == "row:59999-2"
    assert repeated.told_apart(replace(line, line_id="row:0")).line_id == "row:0"
    assert repeated.remembered <= 50_000


def test_a_layout_of_ones_own(tmp_path: Path):
    """Columns under other names, other words, and a separator: by a file, without a change of code."""
    file = tmp_path / "layout.toml"
    file.write_text(
        'thousands = "."\nutc_offset = "+00:00"\ntime_formats = ["%d/%m/%Y %H:%M"]\n'
        '[columns]\norder_id = ["Ref"]\nsettled_at = ["Settled"]\n[types]\n"Penjualan" = "payment"\n'
    )
    rows = ["Ref,Type,Amount,Net,Settled", "o-1,penjualan,150.000,146.670,31/01/2026 07:04"]
    [line] = read(rows, {SETTING: str(file)})
    assert (line.amount, line.net, line.kind) == (150_000, 146_670, LineKind.PAYMENT)
    assert line.occurred_at == datetime(2026, 1, 31, 7, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[columns]\nodd = ['x']", "there is no column odd"),
        ("odd = 1", "there is no odd"),
        ("[columns]\namount = 'x'", "a list of texts"),
        ("[types]\nX = 'income'", "types: X must mean one of"),
        ("[statuses]\nX = 'maybe'", "statuses: X must mean one of"),
        ("thousands = '_'", "thousands is"),
        ("time_formats = '%d'", "time_formats is a list"),
        ("utc_offset = '7'", "utc_offset is written like"),
        ("not toml", "Expected"),
    ],
)
def test_a_wrong_layout_is_told_at_once(tmp_path: Path, text: str, reason: str):
    file = tmp_path / "layout.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=reason):
        settlement_file({SETTING: str(file)})
    with pytest.raises(ValueError, match=SETTING):
        settlement_file({SETTING: str(tmp_path / "absent.toml")})
