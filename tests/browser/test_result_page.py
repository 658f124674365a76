"""A run's page: the API's numbers, a view that is its address, and charts that answer the hand."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard.metrics import METRICS
from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]


@pytest.fixture(scope="session")
def run(site: Site) -> dict[str, Any]:
    """Return the document of the bundled run with the most trades that has a benchmark."""
    items = site.client.runs(limit=100)["items"]
    most = max(items, key=lambda item: item["metrics"]["trades"])
    return dict(site.client.get_run(most["id"]))


def tiles(page: Page) -> dict[str, str]:
    """Return the KPI values on the screen by their metric."""
    expect(page.locator("[data-metric]").first).to_be_visible()
    return {
        tile.get_attribute("data-metric") or "": tile.inner_text()
        for tile in page.locator("[data-metric]").all()
    }


def printed(metrics: dict[str, Any], names: Any) -> dict[str, str]:
    """Return metrics as the page prints them."""
    return {name: METRICS[name].text(metrics[name]) for name in names}


def drawn(page: Page) -> None:
    """Wait until every chart of the overview is drawn."""
    for name in ("equity", "yearly", "rolling", "exposure", "distribution", "qq"):
        expect(page.locator(f"#result-{name} .main-svg").first).to_be_attached()


def until(page: Page, expression: str, holds: Callable[[Any], bool]) -> None:
    """Wait until what the page computes holds (its policy forbids `wait_for_function`)."""
    deadline = time.monotonic() + 10.0
    while not holds(value := page.evaluate(expression)):
        assert time.monotonic() < deadline, f"{expression} is still {value!r}"
        page.wait_for_timeout(50)


def drag(page: Page, first: float, last: float) -> None:
    """Drag over a part of the equity chart, given as shares of its width."""
    box = page.locator(".result-equity .timechart").bounding_box()
    assert box is not None
    left, width, middle = box["x"] + 12, box["width"] - 70, box["y"] + 150
    page.mouse.move(left + first * width, middle)
    page.mouse.down()
    page.mouse.move(left + (first + last) / 2 * width, middle, steps=3)
    page.mouse.move(left + last * width, middle, steps=3)
    page.mouse.up()


def test_a_run_opens_in_one_answer_with_the_numbers_of_the_api(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    asked: list[str] = []
    watched = visit("about:blank")
    page = watched.page
    watched.documents.clear()
    page.on(
        "request",
        lambda request: (
            asked.append(request.post_data or "")
            if "/_dash-update-component" in request.url
            else None
        ),
    )
    page.goto(f"{site.first}{run['url']}")
    drawn(page)

    shown = tiles(page)
    assert shown == printed(run["metrics"], shown)
    assert len(shown) == 10
    name = site.client.about(run["id"])["name"]
    assert page.title() == f"{name} – Hindcast"
    expect(page.locator(".result-id")).to_have_text(run["id"])
    assert not [body for body in asked if '"result-' in body], "a callback drew the first view"
    assert watched.console == []
    assert watched.failed == []
    assert all(url.startswith(site.first) for url in watched.documents)


def test_the_page_is_clean_and_asks_nobody_else(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}")
    drawn(watched.page)
    for tab in ("chart", "trades", "config", "overview"):
        watched.page.locator(f"[data-tab-button={tab}]").click()
        expect(watched.page.locator(f".result-panel-{tab} .card").first).to_be_visible()
    expect(watched.page.locator(".price-chart canvas").first).to_be_attached()
    watched.is_clean()


def test_a_dragged_period_recomputes_the_numbers_and_is_in_the_address(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}")
    page = watched.page
    drawn(page)

    drag(page, 0.3, 0.6)

    expect(page).to_have_url(re.compile(r"\?from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d$"))
    first, last = re.findall(r"\d{4}-\d\d-\d\d", page.url)
    expect(page.locator(".result-chip")).to_contain_text(f"Selection {first} to {last}")
    metrics = site.client.statistics(run["id"], first, last)["metrics"]
    expect(page.locator("[data-metric=final_equity]")).to_have_text(
        METRICS["final_equity"].text(metrics["final_equity"])
    )
    selected = tiles(page)
    assert selected == printed(metrics, selected)

    # The same address in a fresh browser, answered by the other process.
    other = visit(page.url.replace(site.first, site.second)).page
    assert tiles(other) == selected
    expect(other.locator(".result-equity .timechart-selection")).to_be_visible()

    page.locator("[data-action=clear-range]").click()
    expect(page).to_have_url(f"{site.first}{run['url']}")
    expect(page.locator("[data-metric=final_equity]")).to_have_text(
        METRICS["final_equity"].text(run["metrics"]["final_equity"])
    )
    watched.is_clean()


def test_a_double_click_on_the_chart_clears_the_period(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    page = visit(f"{site.first}{run['url']}?from=2005-06-01&to=2008-06-02").page
    drawn(page)
    expect(page.locator(".result-chip")).to_contain_text("Selection")

    page.locator(".result-equity .timechart").dblclick()

    expect(page).to_have_url(f"{site.first}{run['url']}")


def test_values_under_the_crosshair_stand_in_the_head(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    page = visit(f"{site.first}{run['url']}").page
    drawn(page)
    slot = page.locator("[data-slot=equity]")
    final = METRICS["final_equity"].text(run["metrics"]["final_equity"])
    expect(slot).to_have_text(final)

    box = page.locator(".result-equity .timechart").bounding_box()
    assert box is not None
    # The first bar of the axis, where the account is still its cash.
    page.mouse.move(box["x"] + 13, box["y"] + 150)

    expect(slot).to_have_text("$100,000")
    expect(page.locator(".result-equity .timechart-cross span")).to_be_visible()
    page.mouse.move(5, 5)
    expect(slot).to_have_text(final)


def test_the_scale_is_in_the_address(site: Site, visit: Visit, run: dict[str, Any]) -> None:
    page = visit(f"{site.first}{run['url']}").page
    drawn(page)

    page.locator(".result-equity .segmented").get_by_text("Lin", exact=True).click()

    expect(page).to_have_url(f"{site.first}{run['url']}?scale=linear")
    axis = "document.querySelector('#result-equity .js-plotly-plot').layout.yaxis.type"
    until(page, axis, lambda value: value == "linear")


def test_trades_are_walked_with_the_keys_and_pasted_as_an_address(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}?tab=chart")
    page = watched.page
    expect(page.locator(".price-chart canvas").first).to_be_attached()
    expect(page.locator(".price-chart-values")).to_contain_text("O ")
    trades = site.client.trades(run["id"])
    symbol = run["config"]["symbols"][0]
    own = [i + 1 for i, name in enumerate(trades["symbol"]) if name == symbol]

    page.keyboard.press("]")
    expect(page).to_have_url(f"{site.first}{run['url']}?tab=chart&trade={own[0]}")
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.keyboard.press("[")
    expect(page).to_have_url(f"{site.first}{run['url']}?tab=chart&trade={own[1]}")

    line = page.locator(".trade-line")
    expect(line).to_contain_text(f"Trade {own[1]}, {symbol}")
    expect(page.locator(".result-panel-chart .ag-row-selected")).to_contain_text(str(own[1]))

    other = visit(page.url.replace(site.first, site.second)).page
    expect(other.locator(".trade-line")).to_contain_text(f"Trade {own[1]}, {symbol}")
    assert other.locator(".trade-line").inner_text() == line.inner_text()
    watched.is_clean()


def test_bars_come_from_the_dashboard_and_zooming_asks_for_finer_ones(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}?tab=chart")
    page = watched.page
    expect(page.locator(".price-chart-values")).to_contain_text("O ")

    with page.expect_response(lambda answer: "/bars?" in answer.url) as answer:
        page.locator("[data-span=all]").click()

    bars = answer.value.json()
    assert answer.value.ok, bars
    assert answer.value.url.startswith(site.first)
    assert 0 < len(bars["time"]) <= 2000
    assert {"open", "high", "low", "close", "volume", "indicators"} <= set(bars)
    watched.is_clean()


def test_a_row_of_the_trades_opens_it_in_the_chart(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    page = visit(f"{site.first}{run['url']}?tab=trades").page
    row = page.locator(".result-panel-trades .ag-row[row-index='1']")
    expect(row).to_be_visible()

    row.click()

    expect(page).to_have_url(re.compile(r"tab=chart.*trade=2$"))
    expect(page.locator(".trade-line")).to_contain_text("Trade 2, ")


def test_the_file_of_trades_is_the_apis(site: Site, visit: Visit, run: dict[str, Any]) -> None:
    page = visit(f"{site.first}{run['url']}").page
    page.locator("summary", has_text="Export").click()

    with page.expect_download() as download:
        page.locator(".result-actions-wide").get_by_text("Trades, CSV").click()

    assert download.value.suggested_filename == f"{run['id']}-trades.csv"
    assert download.value.path().read_bytes() == site.client.export(run["id"], "trades")


def test_verifying_says_that_the_run_is_the_same(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}")
    watched.page.get_by_role("button", name="Verify").first.click()

    notice = watched.page.locator(".notice")
    expect(notice).to_contain_text("Verified: the same")
    expect(notice).to_contain_text("numpy")
    watched.is_clean()


def test_star_and_note_are_kept(site: Site, visit: Visit, run: dict[str, Any]) -> None:
    before = site.client.about(run["id"])
    page = visit(f"{site.first}{run['url']}").page
    now, then = ("unstar", "star") if before["starred"] else ("star", "unstar")

    page.locator(f"[data-action={now}]").click()
    expect(page.locator(f"[data-action={then}]")).to_be_visible()
    page.get_by_role("button", name="Note").first.click()
    page.locator("#result-note-text").fill("Kept for the tests.")
    page.get_by_role("button", name="Save note").click()

    expect(page.locator("#result-note")).to_have_text("Kept for the tests.")
    expect(page.locator("#result-note-editor")).to_be_hidden()
    about = site.client.about(run["id"])
    assert (about["note"], about["starred"]) == ("Kept for the tests.", not before["starred"])
    site.client.patch_run(run["id"], note=before["note"], starred=before["starred"])


@pytest.mark.parametrize("run_id", ["111111111111", "nonexistent", "0OIl0OIl0OIl"])
def test_an_unknown_run_is_a_page_with_one_thing_to_do(
    site: Site, visit: Visit, run_id: str
) -> None:
    page = visit(f"{site.first}/runs/{run_id}").page

    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="All runs").click()
    expect(page).to_have_url(f"{site.first}/")


def test_the_line_of_numbers_and_doubts_fits_a_phone(site: Site, visit: Visit) -> None:
    doubtful = site.client.runs(q="breakout with stop and target")["items"][0]
    page = visit(f"{site.first}{doubtful['url']}?tab=chart", width=390, height=844).page

    line = page.locator(".result-line")
    expect(line).to_be_visible()
    box, counts = line.bounding_box(), line.locator(".line-counts").bounding_box()
    assert box is not None
    assert counts is not None
    assert counts["x"] + counts["width"] <= box["x"] + box["width"]


def test_the_theme_re_colours_the_drawn_charts(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}")
    page = watched.page
    drawn(page)
    page.keyboard.press("t")

    colour = (
        "document.querySelector('#result-equity .js-plotly-plot')"
        "._fullData.find((line) => line.meta === 'equity').line.color"
    )
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "light")
    expect(page.locator("#result-equity .js-plotly-plot")).to_be_visible()
    until(page, colour, lambda value: value.lower() == "#1c7ed6")
    watched.is_clean()


def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_verdict_unfolds(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}{run['url']}", width=390, height=844)
    page = watched.page
    drawn(page)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(page.locator("[data-metric]:visible")).to_have_count(6)
    fact = page.locator(".verdict-fact").first
    expect(fact).to_be_hidden()
    page.locator(".verdict-summary").click()
    expect(fact).to_be_visible()
    box = page.locator(".result-equity .graph-box").bounding_box()
    assert box is not None
    assert box["height"] == 290


def test_the_wheel_over_a_chart_scrolls_the_page(
    site: Site, visit: Visit, run: dict[str, Any]
) -> None:
    page = visit(f"{site.first}{run['url']}").page
    drawn(page)
    page.locator(".result-equity .timechart").hover()

    page.mouse.wheel(0, 300)

    until(page, "window.scrollY", lambda value: value > 200)
