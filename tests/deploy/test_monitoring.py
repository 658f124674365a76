"""Alerts and the Grafana dashboard name only what the processes really export."""

import json
import re
import subprocess

import httpx
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from config.settings import ROOT, load_settings
from dashboard.app import create_app as create_dashboard
from dataapi.app import create_app as create_api
from dataapi.meters import JobMeters, new_registry
from dataapi.store import open_store
from tests.components import require_program
from tests.deploy.balancers import url

FILES = ROOT / "ansible" / "roles" / "monitoring" / "files"
ALERTS = FILES / "alerts.yml"
GRAFANA = FILES / "grafana" / "hindcast.json"
METRICS = ROOT / "docs" / "operations-monitoring.md"
MANUAL = ROOT / "docs" / "operations-alerts.md"
# Of the node exporter and of Prometheus itself, which are not ours to start here.
FOREIGN = {
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_timex_offset_seconds",
}
NAME = re.compile(r"\b(?:hindcast|haproxy|process|node)_\w+|\bup\b")
SELECTOR = re.compile(r"\b((?:hindcast|haproxy|process)_\w+)\{([^}]*)\}")
LABEL = re.compile(r'(\w+)\s*(?:=|!=|=~|!~)\s*"')
# Given by Prometheus to what it collects.
TARGET_LABELS = {"job", "instance", "host"}


def alerts():
    return [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]


def panels():
    return [panel for panel in json.loads(GRAFANA.read_text())["panels"] if panel["type"] != "row"]


def expressions():
    drawn = [target["expr"] for panel in panels() for target in panel["targets"]]
    return drawn + [rule["expr"] for rule in alerts()]


def families(text):
    return list(text_string_to_metric_families(text))


@pytest.fixture
def exported(tmp_path, balancer):
    """Every sample's name with its labels, as the real processes give them."""
    store = open_store(f"sqlite:///{tmp_path / 'hindcast.db'}")
    settings = load_settings({"HINDCAST_STORE_DATA_DIR": str(tmp_path)})
    api = create_api(settings, store)
    api.extensions["hindcast"].runs.meters.count("run", seconds=0.1, bars=10)
    registry = new_registry("worker")
    jobs = JobMeters()
    jobs.register(registry)
    jobs.seconds.labels("sweep", "failed").observe(1.0)
    page = create_dashboard(settings).server.test_client()
    page.get("/theme/tokens.css")
    client = api.test_client()
    client.get("/api/v1/series")
    texts = [
        client.get("/metrics").text,
        page.get("/metrics").text,
        generate_latest(registry).decode(),
        httpx.get(url(balancer["operations"], "/metrics"), timeout=10).text,
    ]
    store.close()
    samples = [s for text in texts for family in families(text) for s in family.samples]
    found = {}
    for sample in samples:
        found.setdefault(sample.name, set()).update(sample.labels)
    # Only on Postgres has it samples; its family is there without.
    found["hindcast_store_connections"] = {"state"}
    assert "# TYPE hindcast_store_connections gauge" in texts[0]
    return found


def test_every_expression_names_only_metrics_and_labels_that_exist(exported):
    for expression in expressions():
        for name in NAME.findall(expression):
            assert name in exported or name in FOREIGN, f"{name} in {expression}"
        for name, selector in SELECTOR.findall(expression):
            labels = set(LABEL.findall(selector)) - TARGET_LABELS
            assert labels <= exported[name], f"{labels} of {name} in {expression}"


def test_labels_have_few_values(exported):
    ours = {name: labels for name, labels in exported.items() if name.startswith("hindcast_")}
    allowed = {
        *("method", "route", "status", "layer", "kind", "state", "outcome", "work", "le"),
        *("part", "version", "engine_version", "python"),
    }

    assert len(ours) > 20
    assert set().union(*ours.values()) <= allowed


def test_promtool_takes_the_rules():
    program = require_program("promtool", "prometheus")
    checked = subprocess.run(
        [program, "check", "rules", str(ALERTS)], capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(alerts())} rules found" in checked.stdout


def test_promtool_takes_the_expressions_of_the_dashboard(tmp_path):
    program = require_program("promtool", "prometheus")
    texts = [t["expr"].replace("$__rate_interval", "5m") for p in panels() for t in p["targets"]]
    rules = [{"record": f"panel:{i}", "expr": text} for i, text in enumerate(texts)]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = subprocess.run([program, "check", "rules", str(file)], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_alert_fires_when_it_should(tmp_path):
    """An hour of a queue that nobody serves, and a balancer that loses its last server."""
    program = require_program("promtool", "prometheus")
    case = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'hindcast_jobs{kind="sweep",state="abandoned"}', "values": "0 1x20"},
                    {"series": 'haproxy_backend_active_servers{proxy="apis"}', "values": "2 0x20"},
                    {"series": 'hindcast_store_up{instance="a:1"}', "values": "1x20"},
                ],
                "alert_rule_test": [
                    {"eval_time": "3m", "alertname": "HindcastJobsAbandoned", "exp_alerts": []},
                    {
                        "eval_time": "8m",
                        "alertname": "HindcastJobsAbandoned",
                        "exp_alerts": [{"exp_labels": {"severity": "page", "kind": "sweep"}}],
                    },
                    {
                        "eval_time": "3m",
                        "alertname": "HindcastNobodyServes",
                        "exp_alerts": [{"exp_labels": {"severity": "page", "proxy": "apis"}}],
                    },
                    {"eval_time": "8m", "alertname": "HindcastStoreUnreachable", "exp_alerts": []},
                ],
            }
        ],
    }
    for rule in alerts():
        for expected in case["tests"][0]["alert_rule_test"]:
            if expected["alertname"] == rule["alert"]:
                for alert in expected["exp_alerts"]:
                    kind = alert["exp_labels"].get("kind") or alert["exp_labels"].get("proxy")
                    text = re.sub(r"\{\{ \$labels\.\w+ \}\}", kind, rule["annotations"]["summary"])
                    alert["exp_annotations"] = {"summary": text}
    file = tmp_path / "case.yml"
    file.write_text(yaml.safe_dump(case))
    tested = subprocess.run([program, "test", "rules", str(file)], capture_output=True, text=True)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_says_how_grave_it_is_and_has_its_line_in_the_manual():
    manual = MANUAL.read_text()
    names = [rule["alert"] for rule in alerts()]

    assert len(set(names)) == len(names)
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert f"**{rule['alert']}**" in manual, rule["alert"]
    assert set(re.findall(r"\*\*(Hindcast\w+)\*\*", manual)) == set(names)


def test_the_manual_explains_every_metric_of_ours(exported):
    manual = METRICS.read_text()
    names = {name for name in exported if name.startswith("hindcast_")}
    plain = {re.sub("(_bucket|_count|_sum)$", "", n) for n in names if not n.endswith("_created")}
    documented = set(re.findall(r"`(hindcast_\w+)`", manual.partition("## Logs")[0]))

    assert documented == plain
