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
from tests.deploy.figures import SmallHost

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
    "node_textfile_mtime_seconds",
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
        SmallHost(tmp_path / "host").ask_all(),
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
        *("part", "version", "engine_version", "python", "certificate"),
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


def judge(tmp_path, interval, series, *expected):
    """Hold the rules against series; expected are (time, alert, [(labels, summary)] that fire)."""
    program = require_program("promtool", "prometheus")
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}
    wanted = [
        {
            "eval_time": at,
            "alertname": name,
            "exp_alerts": [
                {
                    "exp_labels": {"severity": severities[name], **labels},
                    "exp_annotations": {"summary": summary},
                }
                for labels, summary in fired
            ],
        }
        for at, name, fired in expected
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    case = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": interval,
        "tests": [{"interval": interval, "input_series": inputs, "alert_rule_test": wanted}],
    }
    file = tmp_path / "case.yml"
    file.write_text(yaml.safe_dump(case))
    tested = subprocess.run([program, "test", "rules", str(file)], capture_output=True, text=True)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_an_alert_fires_when_it_should(tmp_path):
    """A queue that nobody serves, and a balancer that loses its last server."""
    series = {
        'hindcast_jobs{kind="sweep",state="abandoned"}': "0 1x20",
        'haproxy_backend_active_servers{proxy="apis"}': "2 0x20",
        'hindcast_store_up{instance="a:1"}': "1x20",
    }
    alone = "A worker died over sweep jobs and no other takes them: none is left."

    judge(
        tmp_path,
        "1m",
        series,
        ("3m", "HindcastJobsAbandoned", []),
        ("8m", "HindcastJobsAbandoned", [({"kind": "sweep"}, alone)]),
        ("3m", "HindcastNobodyServes", [({"proxy": "apis"}, "A balancer has no apis left.")]),
        ("8m", "HindcastStoreUnreachable", []),
    )


def test_a_certificate_that_is_about_to_end_is_told_in_time(tmp_path):
    """The clock begins at 0. `host` ends 14 days and 12 hours later, `public` after 90 days."""
    day = 86400
    end = "hindcast_certificate_end_timestamp_seconds"
    series = {
        f'{end}{{certificate="host",host="a"}}': f"{14 * day + day // 2}x400",
        f'{end}{{certificate="public",host="a"}}': f"{90 * day}x400",
    }
    labels = {"certificate": "host", "host": "a"}
    ends = "The certificate host of a ends in "

    judge(
        tmp_path,
        "1h",
        series,
        # Just 14 days are left at 12h. For half an hour is for an hour here.
        ("12h", "HindcastCertificateEnds", []),
        ("14h", "HindcastCertificateEnds", [(labels, f"{ends}13d 22h 0m 0s.")]),
        ("14h", "HindcastCertificateEndsNow", []),
        ("302h", "HindcastCertificateEndsNow", [(labels, f"{ends}1d 22h 0m 0s.")]),
    )


def test_a_backup_that_is_missing_or_failed_is_told(tmp_path):
    """The clock begins at 0, when the dump was made; the copy is made at 24h once more."""
    made = "hindcast_backup_timestamp_seconds"
    series = {
        f'{made}{{kind="dump",host="p"}}': "0x80",
        f'{made}{{kind="copy",host="h"}}': "0x23 86400x56",
        'hindcast_backup_failed{host="p"}': "0x10 1x70",
        'hindcast_changes_waiting_seconds{host="p"}': "0x20 1200x60",
        'up{job="node",host="h"}': "1x30 0x50",
        'node_textfile_mtime_seconds{file="/x/hindcast.prom",host="p"}': "0+3600x20 72000x60",
    }
    old = ({"kind": "dump", "host": "p"}, "The newest backup (dump) on p is 2d 2h 0m 0s old.")
    older = ({"kind": "copy", "host": "h"}, "The newest backup (copy) on h is 2d 2h 0m 0s old.")
    silent = "tells nothing of itself, or nothing new of its certificates and backups."
    file = {"host": "p", "file": "/x/hindcast.prom"}

    judge(
        tmp_path,
        "1h",
        series,
        ("48h", "HindcastBackupOld", []),
        ("50h", "HindcastBackupOld", [old]),
        ("74h", "HindcastBackupOld", [(old[0], old[1].replace("2d", "3d")), older]),
        ("10h", "HindcastBackupFailed", []),
        ("13h", "HindcastBackupFailed", [({"host": "p"}, "The last backup on p failed.")]),
        (
            "23h",
            "HindcastChangesNotArchived",
            [({"host": "p"}, "Changes of the database have waited 20m 0s for the archive.")],
        ),
        ("20h", "HindcastHostUnwatched", []),
        (
            "34h",
            "HindcastHostUnwatched",
            [({"job": "node", "host": "h"}, f"h {silent}"), (file, f"p {silent}")],
        ),
    )


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
