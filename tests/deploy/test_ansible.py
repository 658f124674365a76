"""The playbooks: clean, documented, and refusing what cannot work before any change."""

import re
import subprocess

import pytest
import yaml

from tests.components import require_program
from tests.deploy.playbooks import (
    ANSIBLE,
    INVENTORIES,
    NAMED,
    ONE,
    PLAYBOOKS,
    inventory,
    play,
    release,
    templates,
    tool,
)

MANY = {
    "balancers": ["b1", "b2"],
    "dashboards": ["d1", "d2"],
    "apis": ["a1", "a2"],
    "workers": ["w1"],
    "postgres": ["p1"],
    "monitoring": ["p1"],
}
SECRETS = {
    f"hindcast_postgres_{name}": "abcdefghijkl1"
    for name in ("password", "owner_password", "backup_password")
}
PAIR = {"keepalived_address": "192.0.2.100/24"}


@pytest.mark.parametrize("place", INVENTORIES, ids=lambda path: path.name)
def test_every_playbook_reads_every_inventory(place):
    done = tool("ansible-playbook", "--syntax-check", "-i", place, *PLAYBOOKS)

    assert done.returncode == 0, done.stdout
    assert "WARNING" not in re.sub(r".*Could not match supplied host pattern.*", "", done.stdout)


@pytest.mark.parametrize("place", INVENTORIES, ids=lambda path: path.name)
def test_examples_of_secrets_are_not_read(place):
    read = tool("ansible-inventory", "-i", place, "--list")

    assert read.returncode == 0, read.stdout
    # An example that is read would replace what main.yml says of who gets in.
    assert "haproxy_users" not in read.stdout


def test_the_playbooks_are_clean_by_the_rules_of_production():
    done = tool("ansible-lint", "--offline", "--nocolor", "--format=pep8")

    assert done.returncode == 0, done.stdout


def test_the_yaml_is_clean():
    done = tool("yamllint", "--strict", ".")

    assert done.returncode == 0, done.stdout


def test_only_modules_that_come_with_ansible_itself_are_used():
    texts = [path.read_text() for path in ANSIBLE.rglob("*.yml")]
    modules = {
        m for text in texts for m in re.findall(r"^\s+([a-z_]+\.[a-z_]+\.[a-z_]+):", text, re.M)
    }

    assert "ansible.builtin.template" in modules
    assert {name.rpartition(".")[0] for name in modules} == {"ansible.builtin"}


@pytest.mark.parametrize("role", sorted(p.name for p in ANSIBLE.glob("roles/*")))
def test_every_variable_of_a_role_has_its_prefix_and_a_word_about_it(role):
    file = ANSIBLE / "roles" / role / "defaults" / "main.yml"
    if not file.exists():
        return
    # A comment stands above one variable, or above several that follow each other.
    paragraphs = file.read_text().removeprefix("---\n").split("\n\n")
    for paragraph in paragraphs:
        names = re.findall(r"^([a-z][a-z0-9_]*):", paragraph, re.M)
        assert all(name.startswith(f"{role}_") for name in names), names
        assert not names or paragraph.lstrip().startswith("#"), names


def test_what_works_is_not_refused(tmp_path):
    made = release(tmp_path)
    one = play("preflight.yml", inventory(tmp_path, ONE, **NAMED), "--check", **made)
    file = inventory(tmp_path, MANY, **NAMED, **PAIR, **SECRETS)
    many = play("preflight.yml", file, "--check", **made)

    assert one.returncode == 0, one.stdout
    assert many.returncode == 0, many.stdout


def without(groups, *names):
    return {name: hosts for name, hosts in groups.items() if name not in names}


REFUSED = {
    "no balancer": (without(ONE, "balancers"), NAMED, "no host in the group balancers"),
    "no API": (without(ONE, "apis"), NAMED, "no host in the group apis"),
    "no dashboard": (without(ONE, "dashboards"), NAMED, "no host in the group dashboards"),
    "no worker": (without(ONE, "workers"), NAMED, "no host in the group workers"),
    "unknown group": ({**ONE, "dashboard": ["h1"]}, NAMED, "Unknown group dashboard"),
    "several hosts on SQLite": (
        {**ONE, "workers": ["h1", "h2"]},
        NAMED,
        "h1, h2 need one store, and a SQLite file belongs to one host",
    ),
    "two databases": (
        {**MANY, "postgres": ["p1", "p2"]},
        {**NAMED, **PAIR, **SECRETS},
        "The group postgres has 2 hosts; it takes one",
    ),
    "two balancers without an address": (
        MANY,
        {**NAMED, **SECRETS},
        "2 balancers: use one, or two with keepalived_address",
    ),
    "three balancers": (
        {**MANY, "balancers": ["b1", "b2", "b3"]},
        {**NAMED, **PAIR, **SECRETS},
        "3 balancers: use one, or two",
    ),
    "workers of a cluster without its scheduler": (
        {**ONE, "dask_workers": ["h1"]},
        NAMED,
        "dask_scheduler (one host) and dask_workers (one or more) go together",
    ),
    "a misspelled variable": (
        ONE,
        {**NAMED, "hindcast_dashboard_port": [8051]},
        "Nothing reads hindcast_dashboard_port: ",
    ),
    "no public name": (ONE, {}, "Set hindcast_public_name"),
    "no password": (MANY, {**NAMED, **PAIR}, "Set hindcast_postgres_password in a vault"),
    "a password that does not fit": (
        MANY,
        {**NAMED, **PAIR, **SECRETS, "hindcast_postgres_backup_password": "short"},
        "Set hindcast_postgres_backup_password in a vault: at least 12 letters and digits",
    ),
    "ports that overlap": (
        ONE,
        {**NAMED, "hindcast_dashboard_ports": [8061]},
        "and the ports of the hosts overlap or are empty",
    ),
    "no process": (
        ONE,
        {**NAMED, "hindcast_dataapi_ports": []},
        "and the ports of the hosts overlap or are empty",
    ),
    "a password in the place of its hash": (
        ONE,
        {**NAMED, "haproxy_users": [{"name": "ann", "hash": "secret"}]},
        "haproxy_users: ann needs a plain name and a hash",
    ),
    "a certificate without its key": (
        ONE,
        {**NAMED, "haproxy_certificate": "-----BEGIN CERTIFICATE-----"},
        "haproxy_certificate is not a PEM text",
    ),
    "a certificate by ACME and one that was given": (
        ONE,
        {
            **NAMED,
            "haproxy_acme": True,
            "haproxy_certificate": "-----BEGIN CERTIFICATE----- -----BEGIN PRIVATE KEY-----",
        },
        "haproxy_acme goes with",
    ),
    "a certificate by ACME for an address": (
        ONE,
        {"hindcast_public_name": "192.0.2.1", "haproxy_acme": True},
        "haproxy_acme goes with a hindcast_public_name that is no address",
    ),
    "a full disk": (
        ONE,
        {**NAMED, "hindcast_least_free_mb": 10**9},
        "MB free at /opt, and needs 1000000000 MB",
    ),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_cannot_work_is_refused_before_any_change(tmp_path, case):
    groups, variables, message = REFUSED[case]

    done = play("preflight.yml", inventory(tmp_path, groups, **variables), "--check")

    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stdout.split())
    assert "changed=0" in done.stdout
    assert "changed=1" not in done.stdout
    for secret in ("abcdefghijkl1", 'hash": "secret'):
        assert secret not in done.stdout


def test_a_host_that_cannot_be_reached_stops_a_deploy_before_any_change(tmp_path):
    file = inventory(tmp_path, MANY, **NAMED, **PAIR, **SECRETS)
    # Nobody listens on port 1.
    nowhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}

    done = play("deploy.yml", file, version="1.2.3", **nowhere)

    assert done.returncode != 0
    assert "unreachable=1" in done.stdout
    assert "changed=0" in done.stdout


def test_a_process_that_leaves_says_so_for_longer_than_the_balancer_takes_to_ask_twice():
    balancer = (ANSIBLE.parent / "haproxy" / "haproxy.cfg.j2").read_text()
    settings = yaml.safe_load((ANSIBLE / "roles" / "release" / "vars" / "main.yml").read_text())

    (asks_every_s,) = re.findall(r"check inter (\d+)s ", balancer)

    delay_s = settings["release_settings"]["server"]["drain_delay_s"]
    assert delay_s > 2 * int(asks_every_s)


UNITS = {
    "dataapi": ["HINDCAST_DATAAPI_PORT=%i"],
    "dashboard": ["HINDCAST_DASHBOARD_PORT=%i"],
    "worker": ["HINDCAST_WORKER_PORT=%i"],
}


@pytest.mark.parametrize("kind", UNITS)
def test_a_process_is_confined(tmp_path, kind):
    analyze = require_program("systemd-analyze", "systemd")
    unit = templates("hindcast", lstrip_blocks=True).get_template("unit.service.j2")
    file = tmp_path / f"hindcast-{kind}@.service"
    file.write_text(
        unit.render(
            group_names=[],
            hindcast_etc="/etc/hindcast",
            hindcast_state="/var/lib/hindcast",
            hindcast_unit_kind=kind,
            hindcast_unit_description="%i",
            hindcast_unit_command=f"python -m {kind}",
            hindcast_unit_environment=UNITS[kind],
            hindcast_unit_memory="1G",
            hindcast_unit_peers=["192.0.2.1"],
        )
    )

    # The threshold is in tenths; the exit code says whether it is kept.
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=15", "--no-pager", str(file)],
        capture_output=True,
        text=True,
    )

    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr
    text = file.read_text()
    for line in ("KillMode=mixed", "TimeoutStopSec=30", "Restart=always", "MemoryMax=1G"):
        assert line in text.splitlines()
    # The kernels are compiled while they run.
    assert "MemoryDenyWriteExecute" not in text
