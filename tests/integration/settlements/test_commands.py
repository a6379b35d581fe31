"""`paylink settlements` and `paylink discrepancies`, as a person at the terminal has them."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from paylink.core.discrepancies import Finding, Kind
from paylink.providers.payments import Reference
from paylink.services import settlements
from paylink.store.discrepancies import record_findings
from paylink.store.ids import new_id
from paylink_local.cli import main
from support.books import begin_run
from support.stack import Stack
from support.statements import Statement, exported, line

ACCOUNT = ("--account", "xendit/default")


@pytest.fixture
def paylink(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command here, with a reader of the tests' own files; gives exit code, output and errors."""
    monkeypatch.setattr(settlements, "settlement_file", lambda slug, environ: Statement())

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_a_file_is_imported_and_its_lines_listed(stack: Stack, paylink: Any, tmp_path: Path):
    file = tmp_path / "march.csv"
    file.write_bytes(exported([line("l1", 150_000, Reference("payment", "p1")), line("l2", -5_000)]))
    imported = paylink("settlements", "import", str(file), *ACCOUNT)
    assert imported == (0, "2 lines: 2 new, 0 changed, 0 known already\n", "")
    again = paylink("settlements", "import", str(file), *ACCOUNT, "--since", "2026-03-01", "--until", "2026-04-01")
    assert again == (0, "2 lines: 0 new, 0 changed, 2 known already\n", "")
    listed = json.loads(paylink("settlements", "list", *ACCOUNT, "--json", "--limit", "1")[1])
    assert (listed["lines"][0]["line_id"], listed["lines"][0]["amount"]) == ("l2", -5_000)
    rest = json.loads(paylink("settlements", "list", *ACCOUNT, "--json", "--cursor", listed["next_cursor"])[1])
    assert ([one["line_id"] for one in rest["lines"]], rest["lines"][0]["references"]) == (["l1"], ["payment p1"])
    table = paylink("settlements", "list", *ACCOUNT, "--kind", "refund", "--unmatched")[1].splitlines()
    assert (len(table), table[1].split()[1:5]) == (2, ["refund", "l2", "-5000", "IDR"])
    files = paylink("settlements", "list", *ACCOUNT, "--imports")[1].splitlines()
    assert [row.split()[1:] for row in files[1:]] == [
        ["march.csv", "2", "0", "0", "2", "command"],
        ["march.csv", "2", "2", "0", "0", "command"],
    ]
    covered = stack.rows("select covered::text from settlement_coverage")[0]["covered"]
    assert covered == '{["2026-03-01 00:00:00+00","2026-04-01 00:00:00+00")}'


def test_what_cannot_be_imported_is_told_in_a_line(stack: Stack, paylink: Any, tmp_path: Path):
    file = tmp_path / "march.csv"
    file.write_bytes(exported([line("l1")]) + b"\xff\xfe\n")
    for arguments, says in (
        ((str(file), *ACCOUNT), "line 2 is not in UTF-8: save the file as CSV in UTF-8; nothing was imported"),
        ((str(tmp_path / "none.csv"), *ACCOUNT), "No such file"),
        ((str(tmp_path), *ACCOUNT), "Is a directory"),
        ((str(file), "--account", "xendit/none"), "--account: there is no account xendit/none"),
        ((str(file), "--account", "default"), "--account: there is no account default/"),
    ):
        code, _, errors = paylink("settlements", "import", *arguments)
        assert (code, says in errors, len(errors.splitlines())) == (1, True, 1), errors
    assert stack.rows("select 1 from settlement_lines") == []


def test_a_discrepancy_is_listed_shown_and_accepted(stack: Stack, paylink: Any):
    account = stack.deps.accounts.get(stack.rows("select id from provider_accounts where provider = 'xendit'")[0]["id"])
    run_id = new_id()
    finding = Finding(
        Kind.DUPLICATE, "line:l1", "0/150000", "IDR", 0, 150_000, {"ours": None, "theirs": {"line": "l1"}}
    )

    def work(uow: Any) -> None:
        begin_run(uow, run_id)
        record_findings(uow, account, run_id, [finding])

    stack.deps.database.run(work)
    discrepancy_id = str(stack.rows("select id from discrepancies")[0]["id"])
    table = paylink("discrepancies", "list", "--state", "open", "--kind", "duplicate", "--run-id", str(run_id))[1]
    assert table.splitlines()[1].split()[2:] == [
        "xendit/default",
        "duplicate",
        "line:l1",
        "0/150000",
        "+150000",
        "IDR",
        "open",
    ]
    assert json.loads(paylink("discrepancies", "show", discrepancy_id)[1])["evidence"] == finding.evidence
    code, out, _ = paylink("discrepancies", "resolve", discrepancy_id, "--note", "given back by hand")
    assert (code, json.loads(out)["resolution"], json.loads(out)["note"]) == (0, "accepted", "given back by hand")
    for arguments, says in (
        (("resolve", discrepancy_id, "--note", "x"), "it is resolved already: somebody has accepted it"),
        (("resolve", discrepancy_id, "--note", " "), "--note: 1 to 1000"),
        (("resolve", str(UUID(int=1)), "--note", "x"), "there is no such discrepancy"),
        (("show", "x"), "a UUID is needed"),
        (("list", "--kind", "none"), "--kind: one of missing_internal"),
        (("list", "--state", "gone"), "--state: one of open, resolved is needed"),
        (("list", "--account-id", "x"), "--account-id: a UUID is needed"),
    ):
        code, _, errors = paylink("discrepancies", *arguments)
        assert (code, says in errors, len(errors.splitlines())) == (1, True, 1), errors
    assert paylink("discrepancies", "list", "--state", "open")[1].splitlines()[1:] == []
    for narrowed, count in ((("--currency", "IDR"), 1), (("--currency", "USD"), 0), (("--since", "2100-01-01"), 0)):
        assert len(paylink("discrepancies", "list", *narrowed)[1].splitlines()) == 1 + count


def test_fees_are_agreed_shown_and_ended_and_every_agreement_stays(stack: Stack, paylink: Any):
    account_id = str(stack.rows("select id from provider_accounts where provider = 'xendit'")[0]["id"])
    agree = ("accounts", "fees", account_id, "--currency", "IDR")
    assert json.loads(paylink("accounts", "fees", account_id)[1]) == {"fees": []}
    code, out, _ = paylink(*agree, "--fixed", "4000", "--tax-ppm", "110000", "--tolerance", "1", "--from", "2026-03-01")
    [one] = json.loads(out)["fees"]
    assert (code, one["fixed"], one["percent_ppm"], one["valid_from"]) == (0, 4000, 0, "2026-03-01T00:00:00+00:00")
    ended = json.loads(paylink(*agree, "--end")[1])["fees"]
    assert [(terms["fixed"], terms["agreed_by"]) for terms in ended] == [(None, "command"), (4000, "command")]
    audit = stack.rows("select details from operator_audit where action = 'account.fees_agreed' order by id")
    assert [row["details"]["terms"] is None for row in audit] == [False, True]
    for arguments, says in (
        ((*agree, "--fixed", "-1"), "--fixed: a whole number from 0"),
        ((*agree, "--percent-ppm", "1000001"), "--percent-ppm: a whole number from 0 to 1000000"),
        (("accounts", "fees", account_id, "--currency", "rupiah"), "--currency: three upper-case"),
        ((*agree, "--from", "soon"), "--from: a time is needed"),
        (("accounts", "fees", str(UUID(int=1)), "--currency", "IDR"), "there is no such account"),
        (("accounts", "fees", str(UUID(int=1))), "there is no such account"),
    ):
        code, _, errors = paylink(*arguments)
        assert (code, says in errors, len(errors.splitlines())) == (1, True, 1), errors
    assert len(json.loads(paylink("accounts", "fees", account_id)[1])["fees"]) == 2
