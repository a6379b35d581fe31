"""docker-compose.yml and what it builds keep their promises, without Docker: nothing open, nobody root, no secret."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from paylink.providers.registry import provider_slugs
from paylink_local.gateway import problems
from paylink_local.gateway.connections import _HEADERS_BYTES_MAX
from paylink_local.services import postgres
from paylink_local.services.names import _INTERNAL, known_names
from paylink_local.template import find_template, load_template
from support.stack import REPOSITORY

FILES = ["docker-compose.yml", "docker-compose.test.yml"]
DOCKERFILE = (REPOSITORY / "compose" / "Dockerfile").read_text()
DOCUMENT = (REPOSITORY / "docs" / "compose.md").read_text()
PROXY = (REPOSITORY / "compose" / "haproxy.cfg").read_text()


def services(name: str = "docker-compose.yml") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / name).read_text())["services"]
    return found


ALL = [pytest.param(service, id=f"{file}:{name}") for file in FILES for name, service in services(file).items()]
MAIN = services()
LONG_RUNNING = {name: service for name, service in MAIN.items() if name not in ("settings", "migrate")}


@pytest.mark.parametrize("service", ALL)
def test_a_published_port_is_on_the_loopback_interface(service: dict[str, Any]):
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), port
    assert service.get("network_mode", "none") == "none"


def test_the_api_and_the_sandbox_alone_are_published_by_default():
    published = {name for name, service in MAIN.items() if service.get("ports") and not service.get("profiles")}
    assert published == {"proxy", "sandbox"}


@pytest.mark.parametrize("service", ALL)
def test_a_container_can_do_little(service: dict[str, Any]):
    """No capability, no way to gain one, and no file system to write to but what is named."""
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_root_file_systems_are_read_only():
    """LocalStack's alone is not: its image is not ours."""
    assert {name for name, service in MAIN.items() if not service["read_only"]} == {"localstack"}


def stages() -> dict[str, tuple[str, str]]:
    """Each stage of the Dockerfile with what it is from and what it says."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.M)
    return {name: (base, text) for base, name, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)}


def user_of(stage: str) -> str:
    base, text = stages()[stage]
    users = re.findall(r"^USER (\S+)$", text, re.M)
    return users[-1] if users else user_of(base)


@pytest.mark.parametrize("service", ALL)
def test_nobody_is_root(service: dict[str, Any]):
    user = service.get("user") or user_of(service["build"]["target"])
    assert user.split(":")[0] not in ("", "0", "root")


@pytest.mark.parametrize("service", ALL)
def test_an_image_is_pinned_or_built_here(service: dict[str, Any]):
    if "build" in service:
        assert service["build"]["dockerfile"] == "compose/Dockerfile"
        assert service["build"]["target"] in stages()
    else:
        assert re.fullmatch(r"[a-z/-]+:v?\d[\w.-]*", service["image"])


def test_base_images_and_tools_are_pinned():
    bases = {base for base, _ in stages().values()} - stages().keys()
    assert bases == {"python:3.13-slim-bookworm", "postgres:16-bookworm", "prom/prometheus:v2.53.4"}
    assert re.search(r"uv==\d+\.\d+\.\d+$", DOCKERFILE, re.M)
    assert "uv sync" not in re.sub(r"uv sync --frozen ", "", DOCKERFILE)


def test_no_secret_is_in_the_files():
    """A name that holds a secret has no value, but for the ones that LocalStack asks for, whatever they are."""
    secret = re.compile(r"(KEY|SECRET|TOKEN|PASSWORD|PEPPERS)(_ID)?$")
    for service in MAIN.values():
        for name, value in (service.get("environment") or {}).items():
            assert not secret.search(name) or (name.startswith("AWS_") and value == "test"), name
    assert not re.search(r"^(ENV|ARG).*(KEY|SECRET|TOKEN|PASSWORD)", DOCKERFILE, re.M)
    assert MAIN["api"]["environment"]["PAYLINK_DATABASE_URL"] == ""


def test_nothing_of_this_machine_gets_into_an_image():
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert "!.env" not in lines
    assert not any(line.startswith(("!.git", "!.paylink", "!.venv")) for line in lines)


def test_the_sandbox_gets_no_key_of_paylink():
    """Neither the file nor the volumes, and nothing of .env but what is named."""
    sandbox = MAIN["sandbox"]
    assert "env_file" not in sandbox
    assert {volume.split(":")[0] for volume in sandbox["volumes"]} == {"sandbox", "sandbox-settings"}
    assert sandbox["networks"] == ["edge"]
    _, text = stages()["build-sandbox"]
    assert "rm -r layers local" in text


def test_secrets_are_written_by_one_container_only():
    """Whoever else mounts them reads."""
    for name, service in MAIN.items():
        for volume in service.get("volumes", []):
            source, _, mode = volume.partition(":")
            if source in ("secrets", "app-settings", "sandbox-settings", "database-password", "metrics-key"):
                assert name == "settings" or (source != "secrets" and mode.endswith(":ro")), volume


def test_the_database_and_the_queue_have_no_way_out():
    networks = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["networks"]
    assert networks["data"] == {"internal": True}
    for name in ("postgres", "redis", "localstack", "migrate"):
        assert MAIN[name]["networks"] == ["data"]


def test_the_database_runs_as_in_the_embedded_stack():
    """Beside what a network and a container need; its log has no statement, for values stand in them."""
    initialised, _, served = (REPOSITORY / "compose" / "postgres-start").read_text().partition("exec postgres ")
    options = dict(re.findall(r"-c (\w+)=(\S+)", served))
    own = {"listen_addresses": "'*'", "unix_socket_directories": "/tmp", "max_connections": "200"}
    embedded = {name: value for name, value in postgres._SETTINGS.items() if name != "unix_socket_permissions"}
    assert options == embedded | own
    silent = {"log_statement": "none", "log_min_error_statement": "panic", "log_error_verbosity": "terse"}
    assert silent.items() <= options.items()
    assert "-c log_min_error_statement=panic" in initialised


def test_what_is_needed_is_waited_for():
    """A first start that just works: each waits for what it cannot do without."""
    waits = {
        name: {needed: how["condition"].removeprefix("service_") for needed, how in service["depends_on"].items()}
        for name, service in MAIN.items()
        if "depends_on" in service
    }
    assert waits == {
        "postgres": {"settings": "completed_successfully"},
        "sandbox": {"settings": "completed_successfully"},
        "migrate": {"postgres": "healthy"},
        "api": {"migrate": "completed_successfully", "redis": "healthy"},
        "worker": {"migrate": "completed_successfully", "redis": "healthy", "localstack": "healthy"},
        "proxy": {"api": "healthy"},
        "prometheus": {"api": "healthy"},
        "grafana": {"prometheus": "started"},
    }


def test_prometheus_looks_where_the_pages_are():
    """Each job names a service, and the port that it serves within the network; the key is the one it is given."""
    settings = yaml.safe_load((REPOSITORY / "observability" / "prometheus.yml").read_text())
    looked_at = {}
    for job in settings["scrape_configs"]:
        [found] = job["dns_sd_configs"]
        [name] = found["names"]
        assert set(MAIN[name]["networks"]) & set(MAIN["prometheus"]["networks"])
        looked_at[name] = found["port"]
    served = {"api": "PAYLINK_API_PORT", "worker": "PAYLINK_WORKER_METRICS_PORT"}
    assert looked_at == {name: int(MAIN[name]["environment"][setting]) for name, setting in served.items()}
    key = settings["scrape_configs"][0]["authorization"]["credentials_file"]
    assert f"--metrics={key}" in MAIN["settings"]["command"]
    assert f"metrics-key:{Path(key).parent}:ro" in MAIN["prometheus"]["volumes"]


def test_prometheus_and_grafana_have_our_files():
    _, text = stages()["prometheus"]
    assert "observability/prometheus.yml observability/alerts.yml /etc/prometheus/" in text
    for volume in MAIN["grafana"]["volumes"]:
        assert (REPOSITORY / volume.split(":")[0]).is_dir()
    folder = REPOSITORY / "observability" / "grafana" / "provisioning"
    [dashboards] = yaml.safe_load((folder / "dashboards" / "paylink.yml").read_text())["providers"]
    assert f"./observability/grafana/dashboards:{dashboards['options']['path']}:ro" in MAIN["grafana"]["volumes"]
    [source] = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_a_service_comes_back_and_tells_how_it_is(name: str):
    assert LONG_RUNNING[name]["restart"] == "unless-stopped"
    assert "observability" in LONG_RUNNING[name].get("profiles", []) or LONG_RUNNING[name]["healthcheck"]["test"]
    assert LONG_RUNNING[name]["stop_grace_period"] == "10s"
    assert LONG_RUNNING[name]["init"] is True


def test_no_state_is_in_a_container_that_is_scaled():
    for name in ("api", "worker"):
        assert "container_name" not in MAIN[name]
        assert "ports" not in MAIN[name]
        assert MAIN[name]["volumes"] == ["app-settings:/run/paylink:ro"]


def test_traces_reach_the_collector_that_the_document_names():
    """Settings that are no PAYLINK_* come from .env, as they are."""
    told = re.search(r"OTEL_EXPORTER_OTLP_ENDPOINT=http://(\w+):(\d+)", DOCUMENT)
    assert told
    collector = MAIN[told[1]]
    assert collector["profiles"] == ["observability"]
    assert collector["environment"]["COLLECTOR_OTLP_HTTP_HOST_PORT"] == f"0.0.0.0:{told[2]}"
    for name in ("api", "worker"):
        assert MAIN[name]["env_file"] == [".env"]
        assert set(collector["networks"]) & set(MAIN[name]["networks"])
        assert not any(setting.startswith("OTEL_") for setting in MAIN[name]["environment"])


def names_in(text: str) -> set[str]:
    return set(re.findall(r"PAYLINK_[A-Z_]*[A-Z]", text))


def test_every_setting_is_known():
    files = [REPOSITORY / name for name in FILES] + [f for f in (REPOSITORY / "compose").iterdir() if f.is_file()]
    used = set().union(*(names_in(file.read_text()) for file in files))
    assert used - known_names() - _INTERNAL == set()


def test_what_compose_sets_is_documented():
    """A setting of .env that has no effect in Compose, because Compose sets it, is told of."""
    own = {*MAIN["api"]["environment"], *MAIN["worker"]["environment"], *MAIN["sandbox"]["environment"]}
    for name in own & known_names():
        assert f"`{name}`" in DOCUMENT, name


def test_the_app_image_holds_what_the_template_names():
    _, text = stages()["build-app"]
    for folder in ("functions", "layers", "local", "sandbox", "sql"):
        assert f"COPY {folder} {folder}\n" in text
    assert "COPY template.yaml .env.example ./" in text
    assert {function.code.parent.name for function in load_template(find_template({}), {}).functions} == {"functions"}


def test_sqs_is_what_the_template_says():
    """The region of the queues' names is the one that the template is read with."""
    template = load_template(find_template({}), MAIN["api"]["environment"])
    url = template.function("receive_webhook").variables["PAYLINK_WEBHOOK_EVENTS_QUEUE_URL"]
    assert url.startswith("http://localstack:4566/")


@pytest.mark.parametrize("name", provider_slugs())
def test_no_provider_is_named(name: str):
    """A new provider needs no change here."""
    for file in [*FILES, ".dockerignore", *(f"compose/{f.name}" for f in (REPOSITORY / "compose").iterdir())]:
        assert name not in (REPOSITORY / file).read_text().lower(), file


def test_the_proxy_refuses_in_the_api_s_words():
    """Type and title are those of the gateway's own problems; the head may be as long as the gateway allows."""
    ours = [
        problems.bad_request(""),
        problems.request_timeout(10),
        problems.function_failed(),
        problems.overloaded("", 1),
        problems.function_timeout(),
    ]
    written = r"http-error status (\d+) content-type application/problem\+json string '(.+?)'"
    told = {int(status): json.loads(body) for status, body in re.findall(written, PROXY)}
    assert told.keys() == {problem.status for problem in ours}
    for problem in ours:
        want = json.loads(problem.body)
        assert {**told[problem.status], "detail": ""} == {**want, "detail": ""}
    buffer = re.search(r"tune\.bufsize (\d+)", PROXY)
    assert buffer
    assert int(buffer[1]) >= 2 * _HEADERS_BYTES_MAX


def test_the_readme_s_ways_lead_to_the_document():
    assert "docs/compose.md" in (REPOSITORY / "README.md").read_text()
    assert Path(REPOSITORY / "docs" / "compose.md").is_file()
