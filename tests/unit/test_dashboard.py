"""The dashboard shows figures that there are, by expressions that Prometheus takes, and leaves none of them out."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from paylink.core.metrics import METRICS
from support.prometheus import OBSERVABILITY, SERIES, promtool, unknown_in

DASHBOARD: dict[str, Any] = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "paylink.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
RULES = yaml.safe_load((OBSERVABILITY / "alerts.yml").read_text())
RECORDED = {rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule}


def test_panels_have_titles_ids_and_places_of_their_own():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    titles = [panel["title"] for panel in PANELS]
    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_prometheus_takes_every_expression(tmp_path: Path):
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = promtool("check", "rules", "panels.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_speaks_of_figures_and_labels_that_there_are(expression: str):
    assert "paylink" in expression
    assert unknown_in(expression, RECORDED) == []


def test_every_figure_is_shown():
    shown = {SERIES[name] for text in EXPRESSIONS for name in re.findall(r"\bpaylink_[a-z_]+", text) if name in SERIES}
    # Seen from the page that tells of them, and by their being told at all.
    elsewhere = {"paylink_queue_reachable", "paylink_webhooks_verified", "paylink_events_finished"}
    elsewhere |= {"paylink_discrepancies_oldest_seconds"}
    assert {metric.name for metric in METRICS} - {metric.name for metric in shown} == elsewhere


def test_stored_figures_are_never_added_up_over_pages():
    """They are the same on each page: with three of them a sum would be three times too much."""
    stored = {name for name, metric in SERIES.items() if metric.kind != "histogram"}
    stored -= {"paylink_problems_total", "paylink_idempotent_replays_total", "paylink_build_info"}
    stored -= {"paylink_trace_spans_dropped_total"}
    for expression in EXPRESSIONS:
        for name in stored & set(re.findall(r"\bpaylink_[a-z_]+", expression)):
            inner = re.search(rf"(max|min)(?: by \([^)]*\))? ?\((?:abs\(|rate\(|time\(\) - )?{name}\b", expression)
            assert inner, expression


def test_what_grafana_provisions_fits_together():
    provisioning = OBSERVABILITY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    used = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert used == {source["uid"]}
    [found] = yaml.safe_load((provisioning / "dashboards" / "paylink.yml").read_text())["providers"]
    assert found["type"] == "file"
