"""Robustness, passports, the story of a trade, and runs side by side, in a real browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard import formatting
from dashboard.pages.compare import view as compare_view
from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]
SLOW_MS = 90_000


@pytest.fixture(scope="session")
def bracket(site: Site) -> dict[str, Any]:
    """Return the bundled run with stops and targets."""
    items = site.client.runs(limit=100)["items"]
    found = next(item for item in items if "stop and target" in item["name"])
    return dict(site.client.get_run(found["id"]))


def analysed(page: Page) -> None:
    """Wait until the worker is done and the page says so by itself."""
    expect(page.locator(".strip").first).to_be_visible(timeout=SLOW_MS)


def test_a_new_run_is_analysed_while_one_looks_at_it(site: Site, visit: Visit) -> None:
    config = {
        "symbols": ["MSFT"],
        "start": "2006-01-03",
        "strategy": {"name": "sma_cross", "params": {"fast": 7, "slow": 31}},
    }
    made = site.client.run(config)

    watched = visit(f"{site.first}{made.url}")
    page = watched.page
    analysed(page)

    found = site.client.analysis(made.id)
    assert found["status"] == "done"
    twice = next(v for v in found["robustness"]["variants"] if v["id"] == "costs_2")
    row = page.locator(".strip-row", has_text=twice["label"])
    expect(row.locator("b")).to_have_text(formatting.short_money(twice["metrics"]["final_equity"]))
    low = found["confidence"]["intervals"]["sharpe"][0]
    assert low is not None
    expect(page.locator("[data-passport=sharpe] .whisker").first).to_be_visible()
    expect(page.locator(".findings li")).to_have_count(len(found["diagnosis"]))
    watched.is_clean()


def test_the_robustness_tab_is_drawn_by_the_chosen_number(
    site: Site, visit: Visit, bracket: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{bracket['url']}?tab=robustness")
    page = watched.page
    expect(page.locator("#result-costs .main-svg").first).to_be_attached(timeout=SLOW_MS)
    trades = page.locator("#result-robustness-trades .main-svg").first
    expect(trades).to_be_attached()
    expect(page.locator("#result-robustness")).not_to_contain_text("$")

    page.locator("#result-robustness-metric").get_by_text("Final equity").click()

    expect(page.locator("#result-robustness")).to_contain_text("$")
    watched.is_clean()


def test_chance_is_drawn_with_the_run_in_it_and_the_ledger_is_counted(
    site: Site, visit: Visit, bracket: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{bracket['url']}?tab=robustness")
    page = watched.page
    expect(page.locator("#result-costs .main-svg").first).to_be_attached(timeout=SLOW_MS)
    found = site.client.analysis(bracket["id"])["monte_carlo"]["methods"]

    for method in found:
        box = page.locator(".card", has_text=method["label"])
        if method["reason"]:
            expect(box).to_contain_text(method["reason"])
        else:
            expect(box.locator(".main-svg").first).to_be_attached()
    ledger = site.client.about(bracket["id"])["ledger"]
    row = page.locator(".intervals tr", has_text="Deflated Sharpe")
    expect(row).to_contain_text(formatting.percent(ledger["dsr"]))
    watched.is_clean()


def test_a_number_opens_its_passport_and_escape_closes_it(
    site: Site, visit: Visit, bracket: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{bracket['url']}")
    page = watched.page
    items = site.client.passports(bracket["id"])["items"]
    sharpe = next(item for item in items if item["name"] == "sharpe")

    page.locator(".tile[data-passport=sharpe]").click()

    drawer = page.locator("#result-passport-body")
    expect(drawer).to_be_visible()
    expect(drawer.locator(".passport-formula")).to_have_text(sharpe["formula"])
    for other in sharpe["others"]:
        expect(drawer).to_contain_text(other["library"])
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    watched.is_clean()


def test_a_chosen_trade_tells_its_story_beside_the_chart(
    site: Site, visit: Visit, bracket: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{bracket['url']}?tab=chart&trade=4")
    page = watched.page
    story = page.locator("#result-explain")
    steps = site.client.explain(bracket["id"], 3)["steps"]

    expect(story).to_contain_text("Trade 4, GOOG long")
    expect(story.locator(".explain-title b")).to_have_text([step["title"] for step in steps])

    page.keyboard.press("]")
    expect(story).to_contain_text("Trade 5, GOOG long")
    expect(page).to_have_url(re.compile(r"trade=5$"))

    story.locator("[data-action=close-drawer]").click()
    expect(story).to_be_hidden()
    expect(page).to_have_url(f"{site.first}{bracket['url']}?tab=chart")
    watched.is_clean()


def test_the_wheel_scrolls_the_page_over_the_price_chart_and_zooms_with_control(
    site: Site, visit: Visit, bracket: dict[str, Any]
) -> None:
    page = visit(f"{site.first}{bracket['url']}?tab=chart").page
    expect(page.locator(".price-chart-values")).to_contain_text("O ")
    box = page.locator("#result-price-chart").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 300, box["y"] + 120)

    page.mouse.wheel(0, 200)
    page.wait_for_timeout(300)

    assert page.evaluate("window.scrollY") > 100


def test_orders_show_their_fills(site: Site, visit: Visit, bracket: dict[str, Any]) -> None:
    watched = visit(f"{site.first}{bracket['url']}?tab=orders")
    page = watched.page
    fills = site.client.fills(bracket["id"])
    first = int(fills["order_id"][0])
    own = int((fills["order_id"] == first).sum())

    grid = page.locator("#result-orders-grid")
    grid.locator(f'.ag-row[row-id="{first}"] [col-id="time"]').click()

    noun = "fill" if own == 1 else "fills"
    expect(page.locator("#result-fills-count")).to_have_text(f"{own} {noun} of order {first}")
    watched.is_clean()


def test_chosen_runs_are_compared_and_their_divergence_explained(site: Site, visit: Visit) -> None:
    items = site.client.runs(limit=100)["items"]
    pair = [item for item in items if "RSI reversion" in item["name"]]
    watched = visit(f"{site.first}/?q=RSI%20reversion")
    page = watched.page
    boxes = page.locator(".ag-center-cols-container, .ag-pinned-left-cols-container").locator(
        ".ag-selection-checkbox input, .ag-checkbox-input"
    )
    expect(boxes).to_have_count(len(pair))
    for i in range(len(pair)):
        boxes.nth(i).click()

    page.locator("#runs-compare").click()

    expect(page.locator(".compare-run")).to_have_count(len(pair))
    expect(page.locator("#compare-equity .main-svg").first).to_be_attached()
    wanted = re.findall(r"ids=([^&]+)", page.url)[0].split(",")
    found = site.client.compare(wanted)
    expect(page.locator(".compare-cause")).to_have_text(found["diff"]["cause"])
    rows = compare_view.table(found["runs"], 0)
    expect(page.locator(".compare-numbers tbody tr")).to_have_count(len(rows))
    expect(page.locator(".compare-settings tbody th code")).to_have_text(
        [item["key"] for item in found["config"]]
    )

    page.locator("#compare-kind").get_by_text("Relative to base").click()
    expect(page).to_have_url(re.compile(r"&kind=relative$"))
    watched.is_clean()


def test_compared_runs_fit_on_a_phone(site: Site, visit: Visit) -> None:
    chosen = [item["id"] for item in site.client.runs(limit=3)["items"]]
    page = visit(f"{site.first}{compare_view.address(chosen)}", width=390, height=844).page
    expect(page.locator("#compare-equity .main-svg").first).to_be_attached()

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_volume_cap_is_asked_for_and_said(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new?symbols=AAPL")
    page = watched.page
    expect(page.locator("#new-preview .main-svg").first).to_be_attached()
    rule = page.locator(".exec", has_text="Volume")
    rule.locator("summary").click()

    rule.get_by_label("Share of a bar's volume").fill("5")

    expect(rule.locator(".exec-words")).to_contain_text("at most 5\u202f% of a bar's volume")
    expect(page.locator("#new-elapsed")).to_contain_text("ms")
    watched.is_clean()
