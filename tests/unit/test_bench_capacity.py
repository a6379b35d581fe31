"""`./scripts/bench capacity`: queueing formulas, the simulation that shares none of them, and the page they fill."""

import json
import math
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bench.capacity.__main__ as command
from bench.capacity import cost, function_side, measure, page, simulation, stages, work_tables
from bench.capacity.inputs import INSTANCES, LOADS, Assumed, Calls, Inputs, Limits, Load, Measured
from bench.capacity.queueing import drain_s, erlang_b, erlang_c, servers_at, servers_that_refuse, wait_s
from bench.common.rules import VOID, Void
from paylink.runtime.queues import decode_message
from paylink.store import database
from paylink_local.template import find_template
from paylink_local.template.intrinsics import parse_yaml

INPUTS = Inputs(Measured.read())


@pytest.mark.parametrize(
    ("servers", "offered", "blocked"),
    # From a printed table of Erlang B, and one server, whose share is a / (1 + a).
    [(1, 1.0, 0.5), (1, 0.25, 0.2), (10, 4.46, 0.010), (20, 12.0, 0.0098), (100, 84.1, 0.010), (5, 0.0, 0.0)],
)
def test_erlang_b_is_that_of_the_tables(servers: int, offered: float, blocked: float):
    assert erlang_b(servers, offered) == pytest.approx(blocked, rel=0.02, abs=1e-12)


@given(st.integers(1, 200), st.floats(0.01, 0.99))
def test_erlang_c_is_that_of_its_definition(servers: int, utilisation: float):
    offered = servers * utilisation
    # Logarithms, for the terms are large.
    terms = [n * math.log(offered) - math.lgamma(n + 1) for n in range(servers)]
    last = servers * math.log(offered) - math.lgamma(servers + 1) - math.log(1 - utilisation)
    highest = max(*terms, last)
    whole = sum(math.exp(term - highest) for term in terms) + math.exp(last - highest)
    assert erlang_c(servers, offered) == pytest.approx(math.exp(last - highest) / whole, rel=1e-6)


def test_one_server_waits_as_m_m_1():
    # P(W > t) = rho * exp(-(mu - lambda) t)
    assert math.isclose(0.5 * math.exp(-0.5 * wait_s(1, 0.5, 1.0, 0.9)), 0.1)
    assert wait_s(1, 0.5, 1.0, 0.5) == 0


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (3, 0.8), (12, 0.7), (40, 0.8)])
def test_the_simulated_wait_is_that_of_the_formula(servers: int, utilisation: float):
    rate = servers * utilisation / 0.02
    waited = simulation.waits(servers, rate, simulation.exponential(0.02), count=600_000)
    waiting = sum(1 for wait in waited if wait > 0) / len(waited)
    assert waiting == pytest.approx(erlang_c(servers, rate * 0.02), rel=0.06)
    for share in (0.9, 0.99):
        assert simulation.percentile(waited, share) == pytest.approx(
            wait_s(servers, rate, 0.02, share), rel=0.1, abs=0.02 * 0.015
        )


@pytest.mark.parametrize(
    "service", [simulation.exponential(0.05), simulation.fixed(0.05)], ids=["exponential", "fixed"]
)
@pytest.mark.parametrize(("servers", "offered"), [(1, 1.0), (6, 4.0), (50, 45.0)])
def test_the_simulated_refusals_are_those_of_the_formula_whatever_the_service(service, servers: int, offered: float):
    share = simulation.refused(servers, offered / 0.05, service, count=200_000)
    assert share == pytest.approx(erlang_b(servers, offered), rel=0.05)


def test_equal_services_wait_about_half_as_long_as_random_ones():
    """So the closed form for waiting errs on the safe side."""
    equal, varied = (
        simulation.waits(4, 3.2, service, count=100_000)
        for service in (simulation.fixed(1.0), simulation.exponential(1.0))
    )
    assert 0.4 < sum(equal) / sum(varied) < 0.65


@given(st.floats(0.01, 500), st.sampled_from([1e-2, 1e-4, 1e-6]))
def test_the_fewest_places_are_enough_and_one_less_is_not(offered: float, share: float):
    servers = servers_that_refuse(offered, share)
    assert erlang_b(servers, offered) <= share < erlang_b(servers - 1, offered)


@given(st.floats(0.01, 5_000), st.floats(0.05, 0.95))
def test_so_many_servers_are_busy_no_more_than_that(offered: float, utilisation: float):
    servers = servers_at(offered, utilisation)
    assert offered / servers <= utilisation * 1.000001
    assert servers == 1 or offered / (servers - 1) > utilisation * 0.999999


@pytest.mark.parametrize(("burst", "after", "seconds", "capacity"), [(1000, 25, 60, 400), (50, 1, 10, 100)])
def test_a_backlog_drains_as_it_is_simulated(burst: float, after: float, seconds: float, capacity: float):
    most, gone_s = simulation.backlog(burst, after, seconds, capacity)
    left = max(0.0, (burst - capacity) * seconds)
    assert most == pytest.approx(left)
    assert gone_s == pytest.approx(drain_s(left, after, capacity), abs=1)


def test_what_cannot_keep_up_is_told_and_not_computed():
    for impossible in (
        lambda: erlang_c(4, 4.0),
        lambda: wait_s(4, 400, 0.01, 0.5),
        lambda: drain_s(10, 5, 5),
        lambda: erlang_b(-1, 1.0),
        lambda: servers_at(1, 1.0),
        lambda: wait_s(4, 1, 1, 1.0),
        lambda: servers_that_refuse(1e9, 1e-6),
        lambda: simulation.backlog(10, 5, 10, 5),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            impossible()


def test_a_service_is_a_part_of_a_processor_and_its_round_trips():
    calls = Calls(cpu_us=1000, wall_us=0, database_round_trips=2, queue_calls=1, log_bytes=0)
    assumed = Assumed(
        memory_mb=500, memory_mb_per_cpu=1000, database_round_trip_ms=1, commit_ms=3, queue_call_ms=8, invocation_ms=1
    )
    inputs = replace(INPUTS, assumed=assumed)
    assert stages.service_s(inputs, calls, postgres_us=500) == pytest.approx(
        0.002 + 0.001 + 0.002 + 0.003 + 0.008 + 0.0005
    )
    # More than one processor does not make one thread quicker.
    whole = replace(inputs, assumed=replace(assumed, memory_mb=3000))
    assert stages.service_s(whole, calls, postgres_us=0) == pytest.approx(0.001 + 0.014)


def test_the_reserved_places_bear_both_bounds():
    for load in LOADS:
        found = stages.intake(INPUTS, load)
        assert erlang_b(found.reserved, found.offered) <= INPUTS.assumed.refused
        assert found.reserved * INPUTS.limits.requests_per_concurrency >= load.peak_per_s


def test_every_place_is_counted_and_its_connections():
    found = stages.Connections({"a": 3, "b": 4}, {"b": 8})
    assert (found.held, found.to_allow) == (3 + 32, 2 * 35 + stages.PEOPLE)
    assert stages.RECONCILE_CONNECTIONS == 8


def test_the_places_are_those_of_the_template():
    """Each function is counted once, by the parameter that bounds it."""
    template = parse_yaml(find_template({}).read_text())
    default = {name: given.get("Default") for name, given in template["Parameters"].items()}
    by_bound: dict[object, list[str]] = {}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            properties = resource["Properties"]
            given = properties.get("ReservedConcurrentExecutions", {"Fn::If": [0, {"Ref": "OperatorConcurrency"}]})
            bound = given["Fn::If"][1]
            name = properties["CodeUri"].strip("/").rpartition("/")[2]
            by_bound.setdefault(bound["Ref"] if isinstance(bound, dict) else bound, []).append(name)
    merchants, operators = by_bound.pop("MerchantConcurrency"), by_bound.pop("OperatorConcurrency")
    assert by_bound.pop(1) == ["migrate_database"]
    assert by_bound == {parameter: [name] for name, parameter in stages.PARAMETERS.items()}
    assert (len(merchants), default["MerchantConcurrency"]) == (stages.MERCHANT_OTHERS, stages.MERCHANT_PLACES)
    assert (len(operators), default["OperatorConcurrency"]) == (stages.OTHERS, stages.OTHER_PLACES)
    ours = stages.default_connections().places
    assert {name: ours[name] for name in stages.PARAMETERS} == {
        name: default[parameter] for name, parameter in stages.PARAMETERS.items()
    }


def test_the_template_s_defaults_bear_the_smallest_load_on_the_smallest_database():
    ours, needed = stages.default_connections(), stages.connections(INPUTS, LOADS[0])
    assert all(ours.places[name] >= needed.places[name] for name in stages.PARAMETERS)
    assert stages.bears(INPUTS, INSTANCES[0], ours.to_allow)
    assert ours.reserved + INPUTS.limits.unreserved_concurrency <= 300  # the quota that docs/aws.md asks for


def test_the_connections_of_an_instance_are_aurora_s():
    allowed = {found.name: found.connections(Limits()) for found in INSTANCES}
    assert allowed["db.r7g.large"] == 1802  # the example of the user guide, for 16 GiB
    assert allowed["db.r7g.4xlarge"] == 5000


@pytest.mark.parametrize("load", LOADS, ids=lambda load: f"{load.peak_per_s}")
def test_each_load_has_an_instance_that_bears_it(load: Load):
    found = stages.instance(INPUTS, load)
    connections = stages.connections(INPUTS, load)
    assert found.connections(INPUTS.limits) >= connections.to_allow
    assert found.processors >= stages.postgres(INPUTS, load, 10).processors
    # What connections take of the memory is not there for pages.
    assert connections.to_allow * INPUTS.measured.backend_memory_mb / 1e3 < found.memory_gib / 2


def test_too_much_for_one_server_is_told():
    with pytest.raises(ValueError, match="no instance"):
        stages.instance(INPUTS, Load(100_000, 1))


def test_an_index_within_memory_is_not_read():
    assert stages.read_share(INPUTS, LOADS[0], 1e6) == 0
    much = 100 * stages.instance(INPUTS, LOADS[0]).memory_gib * 2**30 / INPUTS.measured.unique_index_bytes
    assert stages.read_share(INPUTS, LOADS[0], much) == pytest.approx(1 - 0.5 / 100)


def test_a_billion_events_are_a_thousand_million_of_what_one_takes():
    one, billion = (stages.storage(INPUTS, events, 1e6) for events in (1.0, 1e9))
    assert billion.narrow_gb == pytest.approx(1e9 * one.narrow_gb)
    # Bodies are kept for their days only.
    slow = stages.storage(INPUTS, 1e9, 10)
    assert slow.bodies_gb == pytest.approx(one.bodies_gb * 10 * 90 * 86_400)


def test_a_price_counts_for_what_it_is_the_price_of():
    database = INSTANCES[1]
    before = cost.on_lambda(INPUTS, 1, database)
    dearer = replace(INPUTS, prices=replace(INPUTS.prices, queue_calls_per_million=1.40))
    after = cost.on_lambda(dearer, 1, database)
    # One send, and a receive and a delete of a message of its own.
    assert after.million - before.million == pytest.approx(3.0)
    assert after.month == before.month
    load = Load(100, 1e6 / (30.4 * 86_400))
    assert before.whole_per_million(load) == pytest.approx(before.million + before.month)


def test_the_figures_are_of_a_whole_measurement():
    measured = INPUTS.measured
    assert measured.events == measure.TRANSACTIONS
    assert set(measured.functions) == {"receive_webhook", *(f"process_webhook, {batch}" for batch in stages.SETS)}
    assert set(measured.postgres_cpu_us) == set(measured.wal_bytes) == set(work_tables.TRANSACTIONS)
    # One message for one webhook, and one statement that commits itself.
    assert measured.functions["receive_webhook"].queue_calls == pytest.approx(1)
    assert measured.functions["receive_webhook"].database_round_trips < 1.1
    assert all(sum(sizes.values()) > 50 for sizes in measured.bytes_per_event.values())


def test_the_document_has_every_section_and_says_what_the_model_says():
    assert sorted(page.marks()) == sorted(page.sections(INPUTS))
    assert page.outdated(INPUTS) == []


def test_another_measurement_makes_the_document_outdated(tmp_path: Path):
    slower = replace(INPUTS, assumed=replace(INPUTS.assumed, queue_call_ms=20))
    assert "intake" in page.outdated(slower)
    copy = tmp_path / "scaling.md"
    copy.write_text(page.DOCUMENT.read_text())
    page.write(slower, copy)
    assert page.outdated(slower, copy) == []
    assert "intake" in page.outdated(INPUTS, copy)


def test_the_command_prints_checks_and_tells_a_void_measurement(monkeypatch, capsys, tmp_path: Path):
    assert command.main([]) == 0
    assert "reserved concurrency" in capsys.readouterr().out
    assert command.main(["--check"]) == 0
    monkeypatch.setattr(page, "outdated", lambda inputs: ["storage"])
    assert command.main(["--check"]) == 1
    assert "storage" in capsys.readouterr().out

    def void(say):
        raise Void("a webhook was not new")

    monkeypatch.setattr(measure, "measure", void)
    assert command.main(["--measure"]) == VOID


def test_what_is_measured_is_read_as_it_was_written(tmp_path: Path):
    raw = json.loads(measure.MEASURED.read_text())
    measure.write(raw, tmp_path / "measured.json")
    assert Measured.read(tmp_path / "measured.json") == INPUTS.measured


def test_arrivals_come_at_their_rate():
    times = list(simulation.arrivals(50.0, 20_000, random.Random(7)))
    assert times == sorted(times)
    assert times[-1] == pytest.approx(20_000 / 50, rel=0.05)


def test_the_document_names_every_setting_of_a_connection():
    """Whoever puts a pooler between has to set them on the role."""
    settings = dict(re.findall(r"-c (\w+)=(\S+)", database._OPTIONS))
    told = dict(re.findall(r"^alter role paylink set (\w+) = '?(\w+)'?;$", page.DOCUMENT.read_text(), re.M))
    assert told == settings


APP = """
def handler(event, context):
    print("a line of the log")
    return {"statusCode": event["status"]} if "status" in event else {"batchItemFailures": event["failed"]}
"""


def test_a_warm_function_gets_each_event_and_its_refusals_are_counted(tmp_path: Path):
    (tmp_path / "app.py").write_text(APP)
    events = tmp_path / "events.json"
    events.write_text(json.dumps([{"status": 200}, {"status": 401}, {"failed": []}, {"failed": [{"id": 1}]}]))
    process = Path(function_side.__file__).with_name("function_process.py")
    done = subprocess.run(
        [sys.executable, "-P", process, tmp_path, "handler"],
        input=f"{events}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    *log, told = done.stdout.splitlines()
    assert log == ["a line of the log"] * 4
    result = json.loads(told)["result"]
    assert (result["bad"], len(result["walls_s"]), result["database"], result["queue"]) == (2, 4, 0, 0)
    assert result["cpu_s"] >= 0


def test_what_the_worker_is_handed_is_a_message_of_ours():
    ids = [UUID(int=1), UUID(int=2), UUID(int=3)]
    records = [measure._record(group) for group in measure._groups(ids, 2)]
    assert [decode_message(record["body"]) for record in records] == [ids[:2], ids[2:]]


def test_bytes_for_each_are_what_tables_grew_by():
    before, after = {"events": (8192, 16_384)}, {"events": (18_192, 17_384)}
    assert measure._difference(before, after, 100, only=["events"]) == {"events": {"rows": 100.0, "indexes": 10.0}}
