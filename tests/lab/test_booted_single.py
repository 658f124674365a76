"""Everything on one host with SQLite: set up, deployed under load, restored."""

import pytest

from tests.lab.booting import MOST_EXPOSED, established, exposures, faults_for
from tests.lab.restore import drill
from tests.lab.topology import SINGLE

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab():
    with established(SINGLE) as found:
        yield found


@pytest.fixture
def site(lab):
    lab.site.wait_until_well()
    return lab.site


def test_a_second_run_changes_nothing(lab, site):
    again = site.establish(site.releases[0])

    lab.report.facts["second run changed"] = str(again.total("changed"))
    assert again.status == 0, again.output[-3000:]
    assert again.total("changed") == 0, again.output


def test_processes_are_confined(lab, site):
    lab.report.exposures = exposures(site.hosts)

    assert max(lab.report.exposures.values()) <= MOST_EXPOSED, lab.report.exposures


@pytest.mark.parametrize("fault", faults_for(SINGLE), ids=lambda fault: fault.name)
def test_visitors_during(lab, site, fault):
    row = lab.measure(fault)

    assert row.is_met is not False, row


def test_every_run_comes_back_after_the_store_is_deleted(lab, site):
    destroy = "systemctl stop 'hindcast-*@*'; rm -f /var/lib/hindcast/hindcast.db*"

    found = drill(site, destroy)

    lab.report.facts["restore after a deleted store"] = str(found)
    assert found.n_runs > 5
    assert found.differing == []
