"""The status page: real processes, real figures, renewed by itself."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Site, Watched

Visit = Callable[..., Watched]


def test_the_page_shows_the_processes_that_are_there(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/status")
    page = watched.page
    expect(page.get_by_role("heading", name="Status", exact=True)).to_be_visible()
    listed = page.locator(".status-list", has_text="What it does").locator("tbody tr")
    expect(listed.filter(has_text="computes runs")).to_have_count(1)
    expect(listed.filter(has_text="there")).not_to_have_count(0)

    status = site.client.status()
    runs = page.locator(".tile", has_text="Runs").locator(".tile-value")
    expect(runs).to_have_text(f"{status['store']['runs']:,}")
    expect(page.locator(".status-row .js-plotly-plot .bars path").first).to_be_attached()
    # Within two signs of life, one of the dashboard and one of the API.
    expect(listed.filter(has_text="answers browsers")).not_to_have_count(0, timeout=60_000)
    watched.is_clean()


def test_it_is_reached_from_the_navigation_and_renews_itself(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.second}/")
    page = watched.page
    page.locator(".nav-link", has_text="Status").click()
    expect(page).to_have_url(f"{site.second}/status")
    tiles = page.locator(".status-tiles")
    expect(tiles).to_be_visible()
    page.evaluate("document.querySelector('.status-tiles').dataset.mark = 'old'")

    expect(page.locator(".status-tiles[data-mark]")).to_have_count(0, timeout=30_000)
    expect(tiles).to_be_visible()
    watched.is_clean()
