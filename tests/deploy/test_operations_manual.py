"""The operations manual names only playbooks, variables, settings, metrics and files that exist."""

import re
import tomllib

import pytest
import yaml

from config.settings import DEFAULTS, ROOT

PAGES = sorted((ROOT / "docs").glob("operations*.md"))
ANSIBLE = ROOT / "ansible"
TEXT = "\n".join(page.read_text() for page in PAGES)
PREFIXES = "hindcast|base|postgres|release|haproxy|keepalived|pki|monitoring"
VARIABLE = re.compile(rf"\b(?:{PREFIXES})_[a-z_]+\b")
MONITORING = (ROOT / "docs" / "operations-monitoring.md").read_text().partition("## Logs")[0]
METRICS = set(re.findall(r"`(hindcast_\w+)`", MONITORING))


def defaults():
    found = set()
    for file in ANSIBLE.glob("roles/*/defaults/main.yml"):
        found |= set(yaml.safe_load(file.read_text()) or {})
    return found


def test_every_playbook_is_there():
    named = set(re.findall(r"ansible-playbook (?:-i \S+ )?(\w+\.yml)", TEXT))
    named |= set(re.findall(r"`(\w+\.yml)[` ]", TEXT)) - {"hosts.yml"}
    named -= {"vault.yml"}

    assert {"site.yml", "deploy.yml", "rollback.yml", "backup.yml", "restore.yml"} <= named
    for name in named:
        examples = ANSIBLE.glob(f"**/{name}")
        assert (ANSIBLE / name).is_file() or any(examples), name


def test_every_variable_is_a_documented_default():
    known = defaults()
    named = set(VARIABLE.findall(TEXT)) - METRICS

    assert len(named) > 8
    assert {name for name in named if name not in known} == set()


def test_every_setting_exists():
    settings = tomllib.loads(DEFAULTS.read_text())
    named = re.findall(r"`(store|server|dataapi|worker|dashboard)\.(\w+)[` ]", TEXT)

    assert ("dataapi", "cache_bytes") in named
    for section, key in named:
        assert key in settings[section], f"{section}.{key}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).is_file(), target


def test_repository_paths_exist():
    for path in re.findall(r"`(ansible/[\w./*-]+)`", TEXT):
        assert list(ROOT.glob(path)), path
