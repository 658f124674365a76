"""The list of runs, as a visitor sees and uses it."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]


def rows(page: Page) -> list[str]:
    """Return the names in the order on the screen."""
    expect(page.locator(".ag-row").first).to_be_visible()
    shown = page.locator(".ag-center-cols-container .ag-row")
    order = sorted(shown.all(), key=lambda row: int(row.get_attribute("row-index") or 0))
    return [row.locator(".run-title a").inner_text() for row in order]


def test_the_first_visit_shows_the_bundled_runs(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/")
    page = watched.page

    runs = site.client.runs(limit=100)["items"]
    assert len(runs) >= 5
    assert rows(page) == [run["name"] or run["title"] for run in runs]
    expect(page.locator("#runs-count")).to_have_text(str(len(runs)))
    expect(page.locator("#runs-scatter .points path").first).to_be_visible()
    assert page.title() == "Runs – Hindcast"
    watched.is_clean()


def test_a_search_is_in_the_address_and_back(site: Site, visit: Visit) -> None:
    page = visit(f"{site.first}/").page
    rows(page)

    page.get_by_label("Search runs").fill("IBM")
    expect(page).to_have_url(f"{site.first}/?q=IBM")
    wanted = site.client.runs(q="IBM")["items"]
    assert 0 < len(wanted) < site.client.runs()["total"]
    expect(page.locator("#runs-count")).to_have_text(str(len(wanted)))
    expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(len(wanted))

    # The same address in a fresh browser, answered by the other process.
    other = visit(f"{site.second}/?q=IBM").page
    assert rows(other) == rows(page) == [run["name"] or run["title"] for run in wanted]
    expect(other.get_by_label("Search runs")).to_have_value("IBM")


def test_the_api_sorts_and_the_address_says_how(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/")
    page = watched.page
    rows(page)

    page.locator(".ag-header-cell", has_text="Sharpe").click()

    expect(page).to_have_url(f"{site.first}/?sort=-sharpe")
    wanted = [run["name"] or run["title"] for run in site.client.runs(sort="-sharpe")["items"]]
    page.wait_for_function(
        "([row, name]) => document.querySelector(row)?.innerText === name",
        arg=['.ag-row[row-index="0"] .run-title a', wanted[0]],
    )
    assert rows(page) == wanted
    watched.is_clean()


def test_a_filter_can_be_set_and_cleared(site: Site, visit: Visit) -> None:
    page = visit(f"{site.first}/").page
    everything = rows(page)

    page.get_by_label("Sharpe at least").fill("0.5")
    expect(page).to_have_url(f"{site.first}/?min_sharpe=0.5")
    good = site.client.runs(min_sharpe=0.5)["total"]
    expect(page.locator("#runs-count")).to_have_text(str(good))
    assert 0 < good < len(everything)

    page.get_by_role("button", name="Clear").click()
    expect(page).to_have_url(f"{site.first}/")
    expect(page.locator("#runs-count")).to_have_text(str(len(everything)))


def test_a_deleted_run_can_be_brought_back(site: Site, visit: Visit) -> None:
    page = visit(f"{site.first}/").page
    before = rows(page)

    page.locator('.ag-row[row-index="0"] input[type=checkbox]').check()
    expect(page.locator("#runs-selected")).to_have_text("1 selected")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#runs-count")).to_have_text(str(len(before) - 1))
    page.get_by_role("button", name="Undo").click()

    expect(page.locator("#runs-count")).to_have_text(str(len(before)))
    assert site.client.runs()["total"] == len(before)


def test_a_star_stays(site: Site, visit: Visit) -> None:
    page = visit(f"{site.first}/?q=IBM").page
    rows(page)
    row = page.locator('.ag-row[row-index="0"]')
    row.hover()
    row.get_by_role("button", name="Star", exact=True).click()
    expect(row.get_by_role("button", name="Remove the star")).to_be_visible()

    name = row.locator(".run-title a").inner_text()
    starred = lambda: [run["name"] for run in site.client.runs(starred=True)["items"]]  # noqa: E731
    for _ in range(50):
        if name in starred():
            break
        page.wait_for_timeout(100)
    assert name in starred()


def test_the_theme_changes_without_asking_anybody(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/")
    page = watched.page
    rows(page)
    body = page.locator("body")
    dot = page.locator("#runs-scatter .points path").first
    expect(dot).to_be_visible()
    expect(body).to_have_css("background-color", "rgb(20, 21, 23)")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.keyboard.press("t")

    expect(body).to_have_css("background-color", "rgb(246, 247, 249)")
    # The drawn chart too: ink3 of the light theme, #69717A.
    expect(dot).to_have_css("fill", "rgb(105, 113, 122)")
    assert asked == []
    page.reload()
    expect(body).to_have_css("background-color", "rgb(246, 247, 249)")
    assert watched.console == []


def test_a_phone_shows_cards_that_scroll_with_the_page(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/", width=390, height=844)
    page = watched.page
    expect(page.locator(".run-card").first).to_be_visible()

    assert page.locator(".run-card").count() == site.client.runs()["total"]
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="New run").last).to_be_visible()
    watched.is_clean()


def test_keys_go_to_pages_and_the_palette_finds_runs(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/")
    page = watched.page
    rows(page)

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{site.first}/new")
    expect(page.get_by_role("heading", name="New run")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("GOOG")
    found = page.locator("#palette-list").get_by_role("option", name=re.compile("^symbol"))
    expect(found).to_have_count(1)
    expect(found).to_contain_text("GOOG")
    page.keyboard.press("Escape")
    page.go_back()
    expect(page).to_have_url(f"{site.first}/")
    rows(page)
    # Pages change without loading another document.
    watched.is_clean()


def test_an_unknown_path_says_so(site: Site, visit: Visit) -> None:
    page = visit(f"{site.first}/nothing/here").page

    expect(page.get_by_text("There is no page at /nothing/here.")).to_be_visible()
    page.get_by_role("link", name="All runs").last.click()
    expect(page).to_have_url(re.compile(r"/$"))
    rows(page)
