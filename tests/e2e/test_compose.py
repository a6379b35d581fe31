"""
Docker Compose: first start, demo, restart, scale, a kill of each container during a payment, and an end without traces.

The tests come in this order, on one project. They need a Docker engine that has the base images.
"""

import json
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from paylink_local.demo_client import DemoFailed
from support.containers import PROMETHEUS, Containers, containers, has_image, missing
from support.stack import REPOSITORY

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs a Docker engine with the base images: {missing()}")

STAYING = ("postgres", "redis", "localstack", "api", "worker", "proxy", "sandbox")
SCALED = ("--scale", "api=2", "--scale", "worker=3")


@pytest.fixture(scope="module")
def stack() -> Iterator[Containers]:
    with containers(f"paylink-e2e-{uuid.uuid4().hex[:8]}") as stack:
        print(f"first start, images built: {stack.up('--build'):.1f} s")
        yield stack


def open_page(stack: Containers, order: str) -> tuple[str, dict[str, Any]]:
    """Return a transaction's id and its page, on which the payer has still to click."""
    answer = stack.client.create_checkout("stripe", 150_000, "IDR", order)
    return answer["id"], stack.client.page_of(answer["checkout_url"])


def pay(stack: Containers, order: str) -> tuple[str, str]:
    """Have a payer click on a page; return the transaction's id and the page's reference."""
    transaction_id, page = open_page(stack, order)
    stack.client.pay("stripe", page["id"])
    return transaction_id, page["reference"]


def get(url: str) -> urllib3.BaseHTTPResponse:
    """Ask over a connection of its own: one that was kept may lead to a proxy that was killed since."""
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        return pool.request("GET", url)


def await_paid(stack: Containers, transaction_id: str, within_s: float = 240) -> float:
    """Return the seconds until then. A send that timed out is repeated after its lease, and that may time out too."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        try:
            if stack.client.transaction(transaction_id)["state"] == "paid":
                return time.monotonic() - began
        except DemoFailed:
            pass  # what answers was killed
        time.sleep(0.1)
    raise AssertionError(f"not paid within {within_s} s: {stack.compose('logs', '--tail=30')}")


def query(stack: Containers, sql: str) -> list[str]:
    words = ("psql", "-h", "/tmp", "-U", "paylink", "-d", "paylink", "-At", "-c", sql)
    return stack.compose("exec", "-T", "postgres", *words).split()


def test_the_first_start_just_works(stack: Containers):
    """What runs once has ended well, and nothing had to be started twice."""
    for service in ("settings", "migrate"):
        [container] = stack.ids(service)
        assert (stack.state(container)["Status"], stack.state(container)["ExitCode"]) == ("exited", 0)
    for service in STAYING:
        [container] = stack.ids(service)
        assert stack.docker("inspect", "--format", "{{.RestartCount}}", container) == "0", service


def test_the_demo_pays_at_every_provider(stack: Containers):
    """The same command as for the embedded stack; the pages' addresses open in a browser here."""
    script = str(REPOSITORY / "scripts" / "demo")
    done = subprocess.run([script], env=stack.environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every payment ended paid." in done.stdout
    assert done.stdout.count(f"payment page made: {stack.sandbox}/") == 3


def test_the_doctor_finds_nothing_wrong(stack: Containers):
    """In the container that has the settings; the exit code is 0."""
    told = json.loads(stack.paylink("doctor", "--json"))
    assert told["wrong"] == 0
    assert {"postgres", "redis", "sqs", "queues"} <= {finding["check"] for finding in told["findings"]}


def test_the_status_tells_how_payments_stand(stack: Containers):
    told = json.loads(stack.paylink("status", "--json"))
    assert told["accounting"]["imbalance"] == 0


def test_only_two_ports_are_open_and_only_here(stack: Containers):
    bindings = []
    for container in stack.ids():
        ports = json.loads(stack.docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", container))
        bindings += [binding for found in (ports or {}).values() for binding in found or ()]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    assert {f"http://localhost:{binding['HostPort']}" for binding in bindings} == {stack.api, stack.sandbox}


def test_a_stranger_is_not_believed_where_it_comes_from(stack: Containers):
    """The proxy drops what was said, and says itself from where it was called."""
    headers = {"X-Forwarded-For": "203.0.113.9", "Stripe-Signature": "t=1,v1=00"}
    with urllib3.PoolManager(retries=False, timeout=10) as pool:
        assert pool.request("POST", f"{stack.api}/v1/webhook/stripe", headers=headers, body=b"{}").status == 401
    for _ in range(50):
        if "webhook refused" in (told := stack.compose("logs", "api")):
            break
        time.sleep(0.1)
    assert '"source":"' in told
    assert "203.0.113.9" not in told


def test_no_process_is_root_or_has_a_capability(stack: Containers):
    for container in stack.ids(running=True):
        for line in stack.docker("exec", container, "sh", "-c", "cat /proc/[0-9]*/status").splitlines():
            name, _, value = line.partition(":")
            if name == "Uid":
                assert "0" not in value.split(), container
            elif name in ("CapEff", "CapPrm"):
                assert int(value, 16) == 0, container
            elif name == "NoNewPrivs":
                assert value.strip() == "1"


def test_no_secret_is_shown_by_docker(stack: Containers):
    """Neither of a container nor of an image, nor in the log of one that stays."""
    kept = stack.compose("exec", "-T", "api", "cat", "/run/paylink/app.env").splitlines()
    secrets = [line.partition("=")[2] for line in kept if line.partition("=")[0].endswith(("KEY", "KEYS", "PEPPERS"))]
    secrets += [line.partition("=")[2] for line in kept if "SECRET" in line or "TOKEN" in line or "PASSWORD" in line]
    assert len(secrets) >= 8
    images = {stack.docker("inspect", "--format", "{{.Image}}", container) for container in stack.ids()}
    shown = stack.docker("inspect", *stack.ids(), *images)
    shown += "".join(stack.docker("history", "--no-trunc", image) for image in images)
    shown += "".join(stack.docker("logs", container) for container in stack.ids(running=True))
    assert not [secret for secret in secrets if secret in shown]


def test_the_sandbox_knows_no_key_of_paylink(stack: Containers):
    [sandbox] = stack.ids("sandbox")
    known = stack.docker("exec", sandbox, "sh", "-c", "cat /run/sandbox/*; cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    assert "MASTER_KEYS" not in known
    assert "PEPPERS" not in known
    assert "DATABASE" not in known
    assert "DEMO" not in known


def test_a_restart_keeps_the_data(stack: Containers):
    """`down` and `up`: the payment, the sandbox's charge, and the key that was handed out."""
    transaction_id, reference = pay(stack, "kept")
    await_paid(stack, transaction_id)
    stack.compose("down")
    print(f"later start: {stack.up():.1f} s")
    assert stack.paylink_setting("PAYLINK_DEMO_MERCHANT_KEY") == stack.merchant_key
    assert stack.client.transaction(transaction_id)["state"] == "paid"
    assert stack.client.count(reference) == (1, 1)


def test_several_of_each_share_the_work(stack: Containers):
    """One runs the schedules, both APIs answer."""
    stack.up(*SCALED)
    assert (len(stack.ids("api", running=True)), len(stack.ids("worker", running=True))) == (2, 3)
    assert "Every payment ended paid." in stack.paylink("demo")
    schedulers = query(stack, "select count(*) from pg_stat_activity where application_name = 'paylink schedules'")
    holders = query(stack, "select count(*) from pg_locks where locktype = 'advisory' and granted and objsubid = 1")
    assert (schedulers, holders) == (["3"], ["1"])
    before = [received_bytes(stack, container) for container in stack.ids("api")]
    for _ in range(20):
        assert get(f"{stack.api}/v1/tx/none").status == 401
    after = [received_bytes(stack, container) for container in stack.ids("api")]
    assert all(b - a > 2_000 for a, b in zip(before, after, strict=True))


def test_prometheus_reads_every_api_and_worker(stack: Containers):
    """However many there are, with the rules that raise alerts; and nothing is raised, as nothing is wrong."""
    if not has_image(PROMETHEUS):
        pytest.skip(f"the engine has no image {PROMETHEUS}")
    stack.compose("--profile", "observability", "up", "-d", "--no-deps", "prometheus")
    try:
        stop_at = time.monotonic() + 90
        while (read := scraped(stack)) != {"paylink-api": 2, "paylink-worker": 3}:
            assert time.monotonic() < stop_at, (read, ask_prometheus(stack, "targets"))
            time.sleep(1)
        groups = ask_prometheus(stack, "rules")["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
        assert "PayLinkAccountingImbalance" in {rule["name"] for group in groups for rule in group["rules"]}
        assert not [alert for alert in ask_prometheus(stack, "alerts")["alerts"] if alert["state"] == "firing"]
    finally:
        stack.compose("--profile", "observability", "rm", "--stop", "--force", "prometheus")


def ask_prometheus(stack: Containers, path: str) -> Any:
    code = f"import urllib.request as u; print(u.urlopen('http://prometheus:9090/api/v1/{path}').read().decode())"
    try:
        return json.loads(stack.compose("exec", "-T", "worker", "python", "-c", code))["data"]
    except AssertionError as exc:
        if "refused" in str(exc) or "not known" in str(exc):  # it is starting
            return {}
        raise


def scraped(stack: Containers) -> dict[str, int]:
    """How many containers of each job were read."""
    targets = ask_prometheus(stack, "targets").get("activeTargets", [])
    return dict(Counter(target["labels"]["job"] for target in targets if target["health"] == "up"))


def received_bytes(stack: Containers, container: str) -> int:
    lines = stack.docker("exec", container, "cat", "/proc/net/dev").splitlines()
    return sum(int(line.split(":")[1].split()[0]) for line in lines if "eth" in line)


@pytest.mark.parametrize("service", STAYING)
def test_a_payment_survives_the_kill_of(stack: Containers, service: str):
    """`docker kill` of all containers of a service between page and money; the payer clicks, then they are started."""
    transaction_id, page = open_page(stack, f"kill-{service}")
    victims = stack.ids(service, running=True)
    if service == "sandbox":  # where the payer clicks
        stack.client.pay("stripe", page["id"])
    stack.docker("kill", *victims)
    if service != "sandbox":
        stack.client.pay("stripe", page["id"])
    if service == "api":
        away = get(f"{stack.api}/healthz")
        assert (away.status, away.headers["content-type"]) == (503, "application/problem+json")
        assert json.loads(away.data)["retryable"] is True
    stack.docker("start", *victims)
    print(f"paid {await_paid(stack, transaction_id):.1f} s after {service} was started again")
    stack.await_healthy()
    assert stack.client.count(page["reference"]) == (1, 1)
    amiss = "select sum(imbalance + imbalance_redelivered + imbalance_outcomes) from webhook_accounting"
    assert query(stack, amiss) == ["0"]


def test_one_of_two_apis_killed_is_not_noticed(stack: Containers):
    """What only reads goes to the other one, also when the first had it already."""
    victim = stack.ids("api", running=True)[0]
    stack.docker("kill", victim)
    try:
        statuses = {get(f"{stack.api}/healthz").status for _ in range(50)}
    finally:
        stack.docker("start", victim)
    stack.await_healthy()
    assert statuses == {200}


@pytest.mark.parametrize("service", ["api", "worker", "sandbox", "postgres"])
def test_what_dies_by_itself_comes_back_by_itself(stack: Containers, service: str):
    transaction_id, reference = pay(stack, f"crash-{service}")
    victim = stack.ids(service, running=True)[0]
    began = stack.state(victim)["StartedAt"]
    # Its own processes, but for the first, which ends with them.
    subprocess.run(["docker", "exec", victim, "bash", "-c", "kill -9 -1"], capture_output=True, timeout=60, check=False)
    await_paid(stack, transaction_id)
    stack.await_healthy()
    assert stack.state(victim)["StartedAt"] != began
    assert stack.client.count(reference) == (1, 1)


@pytest.mark.parametrize("service", STAYING)
def test_a_stop_ends_in_time(stack: Containers, service: str):
    """Within ten seconds, by itself."""
    victims = stack.ids(service, running=True)
    began = time.monotonic()
    stack.docker("stop", *victims)
    took_s = time.monotonic() - began
    codes = {stack.state(victim)["ExitCode"] for victim in victims}
    stack.docker("start", *victims)
    stack.await_healthy()
    print(f"{service}: ended in {took_s:.1f} s")
    assert took_s / len(victims) < 10
    if service != "localstack":  # which has nothing to end, and is killed at once
        assert 137 not in codes


def test_down_leaves_nothing(stack: Containers):
    """No container, network or volume; there is no nameless volume either, which would stay."""
    mounts = [
        json.loads(stack.docker("inspect", "--format", "{{json .Mounts}}", container)) for container in stack.ids()
    ]
    volumes = {mount["Name"] for found in mounts for mount in found if mount["Type"] == "volume"}
    assert len(volumes) == 7
    assert all(name.startswith(f"{stack.project}_") for name in volumes)
    stack.compose("down", "--volumes")
    for kind in ("volume", "network", "container"):
        label = f"label=com.docker.compose.project={stack.project}"
        assert stack.docker(kind, "ls", "--quiet", "--filter", label) == ""
