"""Production in small: two balancers, two hosts of each kind, Postgres; everything that happens."""

import json

import pytest

from tests.lab import inputs
from tests.lab.booting import MOST_EXPOSED, established, exposures, faults_for
from tests.lab.releases import HALF, SICK, release
from tests.lab.restore import drill
from tests.lab.site import release_options
from tests.lab.topology import PRODUCTION

pytestmark = pytest.mark.lab
DROP_A_TABLE = "runuser -u postgres -- psql -Xqd hindcast -c 'DROP TABLE run CASCADE'"
LATER = "2099-01-01 00:00:00+00"
DELETE_THE_DATA = "systemctl stop 'postgresql@*'; rm -rf /var/lib/postgresql/15/main"


@pytest.fixture(scope="module")
def lab():
    with established(PRODUCTION) as found:
        yield found


@pytest.fixture
def site(lab):
    lab.site.wait_until_well()
    return lab.site


def test_pages_and_runs_are_served_from_bare_hosts(lab, site):
    assert lab.first.total("failed") == 0
    assert [item["symbol"] for item in site.ask("/api/v1/series")["items"]]


def test_a_second_run_changes_nothing(lab, site):
    again = site.establish(site.releases[0])

    lab.report.facts["second run changed"] = str(again.total("changed"))
    assert again.status == 0, again.output[-3000:]
    assert again.total("changed") == 0, again.output


def test_a_check_with_differences_finds_none(lab, site):
    checked = site.establish(site.releases[0], "--check", "--diff")

    lab.report.facts["check mode would change"] = str(checked.total("changed"))
    assert checked.status == 0, checked.output[-3000:]
    assert checked.total("changed") == 0, checked.output


def test_the_healthcheck_agrees(site):
    assert site.controller.play("healthcheck.yml").status == 0


def test_processes_are_confined(lab, site):
    lab.report.exposures = exposures(site.hosts)

    kinds = {"hindcast-dashboard", "hindcast-dataapi", "hindcast-worker"}
    assert kinds <= set(lab.report.exposures)
    assert max(lab.report.exposures.values()) <= MOST_EXPOSED, lab.report.exposures


@pytest.mark.parametrize("fault", faults_for(PRODUCTION), ids=lambda fault: fault.name)
def test_visitors_during(lab, site, fault):
    row = lab.measure(fault)

    assert row.is_met is not False, row


@pytest.mark.parametrize(
    "mistake",
    [
        inputs.wrong_inventory,
        inputs.missing_secret,
        inputs.expired_certificate,
        inputs.unreachable_host,
        inputs.clock_skew,
    ],
    ids=lambda mistake: mistake.__name__.replace("_", " "),
)
def test_mistake(lab, site, mistake):
    lab.report.inputs[mistake.__name__.replace("_", " ")] = mistake(site)


def test_a_deploy_to_a_full_disk_stops(lab, site):
    lab.report.inputs["full disk"] = inputs.full_disk(site, release(SICK))


def test_a_release_that_is_never_ready_is_not_rolled_out(lab, site):
    lab.report.inputs["sick release"] = inputs.sick_release(site, release(SICK))


def test_a_migration_that_fails_half_way_leaves_nothing(lab, site):
    lab.report.inputs["half migration"] = inputs.half_migration(site, release(HALF))


def test_an_untested_release_is_refused(site):
    options = [o for o in release_options(site.releases[1]) if o != "allow_untested=true"]

    refused = site.controller.play("deploy.yml", *options[:4])

    assert refused.status != 0
    assert "No green tests are on record" in inputs.said(refused)


def test_a_restore_to_a_moment_that_is_not_in_the_archive_changes_nothing(lab, site):
    before = site.run_ids()

    refused = site.controller.play("restore.yml", "-e", json.dumps({"until": LATER}))

    assert refused.status != 0
    assert "Nothing was restored, and the service goes on as before" in inputs.said(refused)
    site.wait_until_well()
    assert site.run_ids() == before


@pytest.mark.parametrize(
    ("name", "destroy", "to_moment"),
    [
        ("a dropped table", DROP_A_TABLE, True),
        ("a data directory that is gone", DELETE_THE_DATA, False),
    ],
    ids=["a dropped table", "deleted data"],
)
def test_every_run_comes_back_after(lab, site, name, destroy, to_moment):
    found = drill(site, destroy, to_moment=to_moment)

    lab.report.facts[f"restore after {name}"] = str(found)
    assert found.n_runs > 5
    assert found.differing == []
