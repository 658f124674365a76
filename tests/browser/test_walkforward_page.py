"""A walk-forward from its form to its page, and a cross-validation, in a real browser."""

import re
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import pytest
from playwright.sync_api import expect

from dashboard import formatting as fmt
from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]
SLOW_MS = 150_000
FORWARD_URL = re.compile(r"/walkforwards/[1-9A-HJ-NP-Za-km-z]{12}$")
CONFIG: dict[str, Any] = {
    "run": {
        "symbols": ["IBM"],
        "start": "2006-01-03",
        "end": "2009-12-31",
        "strategy": {"name": "sma_cross"},
    },
    "axes": {"fast": "3..7", "slow": "20..40:10"},
    "constraints": ["fast < slow"],
}


def waited(site: Site, study_id: str) -> dict[str, Any]:
    """Return the document of a walk-forward when it is done."""
    deadline = monotonic() + SLOW_MS / 1000.0
    while monotonic() < deadline:
        found = site.client.get_walkforward(study_id)
        if found["status"] in ("done", "failed", "cancelled"):
            return dict(found)
        sleep(0.1)
    raise AssertionError(f"The walk-forward {study_id} did not end.")


@pytest.fixture(scope="session")
def finished(site: Site) -> dict[str, Any]:
    """Return a walk-forward that a worker has finished."""
    made = site.client.walkforward({**CONFIG, "in_sample": 250, "out_of_sample": 125})
    return waited(site, made["id"])


def test_windows_are_asked_for_and_their_curve_is_shown(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/sweeps/new?axes=fast:3..6:1;slow:20..40:10")
    page = watched.page
    page.locator("#form-mode").get_by_text("Walk-forward").click()
    expect(page.locator("#form-windows")).to_be_visible()
    page.get_by_label("Choose on, bars").fill("1000")
    page.get_by_label("Then trade for, bars").fill("750")
    expect(page).to_have_url(re.compile(r"mode=walkforward&in=1000&out=750"))
    tiles = page.locator("#form-estimate .tile")
    expect(tiles.filter(has_text="Windows").locator(".tile-value")).not_to_be_empty()

    page.locator("#form-start").click()

    expect(page).to_have_url(FORWARD_URL)
    expect(page.locator("#forward-equity .main-svg").first).to_be_attached(timeout=SLOW_MS)
    found = site.client.get_walkforward(page.url.split("/")[-1])
    assert found["status"] == "done"
    assert (found["config"]["in_sample"], found["config"]["out_of_sample"]) == (1000, 750)
    expect(page.locator(".windows-list tbody tr")).to_have_count(len(found["windows"]))
    watched.is_clean()


def test_folds_are_asked_for_from_the_form(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/sweeps/new?axes=fast:3..6:1;slow:20..40:10&mode=walkforward")
    page = watched.page
    page.locator("#form-method").get_by_text("Combinatorial").click()
    expect(page.get_by_label("Choose on, bars")).to_be_hidden()
    page.get_by_label("Folds", exact=True).fill("4")
    page.get_by_label("Purge beside it, bars").fill("5")
    # Two of four folds at a time: six choices.
    choices = page.locator("#form-estimate .tile").filter(has_text="Choices of folds")
    expect(choices.locator(".tile-value")).to_have_text("6")
    expect(page).to_have_url(re.compile(r"method=cpcv&folds=4&tested=2&purge=5"))
    page.locator("#form-method").get_by_text("K-fold").click()
    expect(choices.locator(".tile-value")).to_have_text("4")
    expect(page.get_by_label("Tested at a time")).to_be_hidden()
    page.locator("#form-method").get_by_text("Combinatorial").click()
    expect(choices.locator(".tile-value")).to_have_text("6")

    page.locator("#form-start").click()

    expect(page).to_have_url(FORWARD_URL)
    expect(page.locator("#forward-equity .main-svg").first).to_be_attached(timeout=SLOW_MS)
    expect(page.locator("#forward-sides .main-svg").first).to_be_attached()
    config = site.client.get_walkforward(page.url.split("/")[-1])["config"]
    assert (config["method"], config["n_folds"], config["n_test_folds"]) == ("cpcv", 4, 2)
    assert config["purge"] == 5
    watched.is_clean()


def test_a_colleague_reads_the_same_numbers(
    site: Site, visit: Visit, finished: dict[str, Any]
) -> None:
    for address, theme in ((site.first, "dark"), (site.second, "light")):
        watched = visit(f"{address}{finished['url']}", theme=theme)
        page = watched.page
        expect(page.locator("#forward-gantt .main-svg").first).to_be_attached()
        expect(page.locator("#forward-sides .main-svg").first).to_be_attached()
        sharpe = page.locator(".walkforward-tiles .tile").filter(has_text="Sharpe")
        text = fmt.decimal(finished["stitched"]["metrics"]["sharpe"])
        expect(sharpe.locator(".tile-value")).to_have_text(text)
        first = finished["windows"][0]["params"]
        row = page.locator(".windows-list tbody tr").first
        expect(row).to_contain_text(str(first["fast"]))
        watched.is_clean()


def test_the_crosshair_reads_the_joined_curve(
    site: Site, visit: Visit, finished: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{finished['url']}")
    page = watched.page
    expect(page.locator("#forward-equity .scatterlayer path.js-line").first).to_be_visible()
    slot = page.locator('.walkforward-curve [data-slot="equity"]')
    last = slot.inner_text()

    box = page.locator("#forward-equity").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 100)

    expect(slot).not_to_have_text(last)
    watched.is_clean()


def test_a_walk_forward_is_cancelled_while_it_runs(site: Site, visit: Visit) -> None:
    run = {**CONFIG["run"], "symbols": ["AAPL", "GOOG", "IBM", "MSFT"]}
    axes = {"fast": "2..21", "slow": "30..129"}
    windows = {"in_sample": 300, "out_of_sample": 60}
    made = site.client.walkforward({**CONFIG, "run": run, "axes": axes, **windows})
    watched = visit(f"{site.first}/walkforwards/{made['id']}")
    page = watched.page
    expect(page.locator(".progress")).to_be_visible()
    expect(page.locator("#forward-gantt .main-svg").first).to_be_attached()

    page.locator("#forward-cancel").click()

    expect(page.locator(".notice")).to_contain_text("Cancelled.", timeout=SLOW_MS)
    assert site.client.get_walkforward(made["id"])["status"] == "cancelled"
    watched.is_clean()


def test_a_cross_validation_has_a_page_too(site: Site, visit: Visit) -> None:
    folds = {"method": "cpcv", "n_folds": 4, "n_test_folds": 2, "purge": 5}
    made = site.client.walkforward({**CONFIG, **folds})
    found = waited(site, made["id"])
    assert found["status"] == "done"

    watched = visit(f"{site.first}/walkforwards/{made['id']}")

    expect(watched.page.locator("#forward-equity .main-svg").first).to_be_attached()
    rows = watched.page.locator(".card", has_text="Choice by choice").locator("tbody tr")
    expect(rows).to_have_count(len(found["windows"]))
    watched.is_clean()


def test_a_walk_forward_fits_on_a_phone(site: Site, visit: Visit, finished: dict[str, Any]) -> None:
    watched = visit(f"{site.first}{finished['url']}", width=390, height=844)
    expect(watched.page.locator("#forward-gantt .main-svg").first).to_be_attached()

    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    watched.is_clean()
