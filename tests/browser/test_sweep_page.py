"""A sweep from its form to its page: estimated, watched, cancelled, read, handed on."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboard import formatting as fmt
from tests.browser.conftest import Site, Watched
from tests.browser.late import hold_one, seen

Visit = Callable[..., Watched]
SLOW_MS = 150_000
SWEEP_URL = re.compile(r"/sweeps/[1-9A-HJ-NP-Za-km-z]{12}")
RUN_URL = re.compile(r"/runs/[1-9A-HJ-NP-Za-km-z]{12}$")
RUN = {
    "symbols": ["AAPL"],
    "start": "2008-01-02",
    "end": "2010-12-31",
    "strategy": {"name": "sma_cross"},
}


def drawn(page: Page) -> None:
    """Wait until a finished sweep is on the page."""
    expect(page.locator(".sweep-findings")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#sweep-map .heatmaplayer image").first).to_be_attached()


@pytest.fixture(scope="session")
def finished(site: Site) -> dict[str, Any]:
    """Return a sweep of three axes that a worker has finished."""
    axes = {"fast": "3..12", "slow": "20..60:10", "direction": "long_only,short_only"}
    made = site.client.sweep({"run": RUN, "axes": axes, "constraints": ["fast < slow"]})
    return waited(site, made["id"])


def waited(site: Site, sweep_id: str) -> dict[str, Any]:
    """Return the document of a sweep when it is over."""
    from time import monotonic, sleep

    deadline = monotonic() + SLOW_MS / 1000.0
    while monotonic() < deadline:
        found = site.client.get_sweep(sweep_id)
        if found["status"] in ("done", "failed", "cancelled"):
            return dict(found)
        sleep(0.1)
    raise AssertionError(f"The sweep {sweep_id} did not end.")


def cell(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where on the screen a cell of the map is; x and y are places on its axes."""
    box = page.evaluate(
        """([x, y]) => {
          const plot = document.querySelector("#sweep-map .js-plotly-plot");
          const { xaxis: across, yaxis: up } = plot._fullLayout;
          const { left, top } = plot.getBoundingClientRect();
          return [left + across._offset + across.c2p(x), top + up._offset + up.c2p(y)];
        }""",
        [x, y],
    )
    return box[0], box[1]


def test_a_draft_is_swept_watched_and_a_cell_opens_its_run(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new?symbols=IBM&strategy=sma_cross")
    page = watched.page
    expect(page.locator("#new-preview .scatterlayer path.js-line").first).to_be_visible()
    page.locator("#new-sweep").click()

    # The form: two parameters vary at once, and it says what they will take.
    panel = page.locator("#form-estimate")
    expect(panel.locator(".tile-value").first).to_be_visible()
    page.get_by_label("fast from").fill("3")
    page.get_by_label("fast to").fill("8")
    page.get_by_label("slow to").fill("40")
    expect(page).to_have_url(re.compile(r"axes=fast:3\.\.8:1"))
    expect(page.locator(".form-count").first).to_have_text("6 values")
    expect(panel.locator(".tile-value").first).to_have_text("36")
    page.locator("#form-start").click()

    expect(page).to_have_url(SWEEP_URL)
    drawn(page)
    sweep = site.client.get_sweep(page.url.split("/")[-1].partition("?")[0])
    assert sweep["status"] == "done"
    assert sweep["n_points"] == 36
    expect(page.locator(".result-facts")).to_contain_text("36 runs")

    # The cell of fast 5, slow 25: the third and the third value.
    params = {"fast": sweep["axes"]["fast"][2], "slow": sweep["axes"]["slow"][2]}
    page.mouse.move(*cell(page, 2, 2))
    words = ", ".join(f"{name} {value}" for name, value in params.items())
    expect(page.locator("#sweep-note")).to_contain_text(words)
    page.mouse.click(*cell(page, 2, 2))
    expect(page).to_have_url(RUN_URL, timeout=SLOW_MS)
    run = site.client.get_run(page.url.split("/")[-1])
    assert params.items() <= run["config"]["strategy"]["params"].items()
    watched.is_clean()


def test_a_refused_axis_is_said_at_its_row_and_cannot_start(site: Site, visit: Visit) -> None:
    # A refusal of the form is an answer of the page, not a failed request.
    watched = visit(f"{site.first}/sweeps/new?axes=fast:60..2:1;slow:100..200:10")
    page = watched.page

    expect(page.locator(".form-param", has_text="fast").locator(".field-error")).not_to_be_empty()
    expect(page.locator("#form-start")).to_be_disabled()

    page.get_by_label("fast to").fill("90")
    page.get_by_label("fast step").fill("10")
    expect(page.locator("#form-start")).to_be_enabled()
    expect(page.locator(".form-param", has_text="fast").locator(".field-error")).to_be_empty()
    watched.is_clean()


def test_an_estimate_that_comes_late_undoes_no_newer_one(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/sweeps/new?axes=fast:3..60:1;slow:70..100:10")
    page = watched.page
    count = page.locator("#form-estimate .tile-value").first
    # 58 values of fast, 4 of slow.
    expect(count).to_have_text("232")
    shown = seen(page, "#form-estimate")
    held = hold_one(page, "form-estimate")

    page.get_by_label("fast to").fill("8")
    held.wait()
    page.get_by_label("slow to").fill("90")
    # 6 of fast, 3 of slow: the newest form is answered first.
    expect(count).to_have_text("18")
    held.release()
    page.get_by_label("fast to").fill("9")
    expect(count).to_have_text("21")

    # The late answer was about 6 × 4.
    assert not any("Combinations\n24\n" in text for text in shown())
    expect(page).to_have_url(re.compile(r"axes=fast:3\.\.9:1%3Bslow:70\.\.90:10"))
    watched.is_clean()


def test_what_was_just_typed_is_what_starts(site: Site, visit: Visit) -> None:
    page = visit(f"{site.first}/sweeps/new?axes=fast:3..5:1;slow:70..100:10").page
    expect(page.locator("#form-start")).to_be_enabled()

    page.get_by_label("slow to").fill("80")
    page.keyboard.press("Control+Enter")

    expect(page).to_have_url(SWEEP_URL)
    drawn(page)
    sweep = site.client.get_sweep(page.url.split("/")[-1].partition("?")[0])
    assert sweep["axes"] == {"fast": [3, 4, 5], "slow": [70, 80]}


def test_a_long_sweep_fills_in_and_is_cancelled(site: Site, visit: Visit) -> None:
    run = {**RUN, "symbols": ["AAPL", "GOOG", "IBM", "MSFT"], "end": "2013-03-01"}
    axes = {"fast": "2..41", "slow": "42..241"}
    made = site.client.sweep({"run": run, "axes": axes})
    watched = visit(f"{site.first}/sweeps/{made['id']}")
    page = watched.page
    expect(page.locator(".progress")).to_be_visible()
    expect(page.locator(".progress-count")).to_contain_text(
        re.compile(r"[1-9][\d,]* of 8,000 runs"), timeout=SLOW_MS
    )
    expect(page.locator("[data-live-map] .heatmaplayer image").first).to_be_attached()

    page.locator("#sweep-cancel").click()

    expect(page.locator(".notice")).to_contain_text("Cancelled.", timeout=SLOW_MS)
    assert site.client.get_sweep(made["id"])["status"] == "cancelled"
    expect(page.locator(".progress")).to_have_count(0)
    # What was computed stays on the page.
    expect(page.locator("#sweep-map .heatmaplayer image").first).to_be_attached()
    watched.is_clean()


def test_the_queue_shows_a_running_sweep_and_cancels_it(site: Site, visit: Visit) -> None:
    run = {**RUN, "symbols": ["AAPL", "GOOG", "IBM", "MSFT"], "end": "2013-03-01"}
    made = site.client.sweep({"run": run, "axes": {"fast": "2..41", "slow": "50..249"}})
    watched = visit(site.first)
    page = watched.page
    line = page.locator(".queue li", has_text="fast × slow")
    expect(line).to_be_visible(timeout=SLOW_MS)

    line.locator("button").click()

    expect(line).to_have_count(0, timeout=SLOW_MS)
    assert waited(site, made["id"])["status"] == "cancelled"
    watched.is_clean()


def test_a_colleague_sees_the_same_view_from_another_process(
    site: Site, visit: Visit, finished: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}/sweeps/{finished['id']}")
    page = watched.page
    drawn(page)
    page.locator("#sweep-worst").get_by_text("Worst neighbour").click()
    expect(page).to_have_url(re.compile(r"view=worst"))
    page.locator("#sweep-metric").click()
    page.get_by_role("option", name="CAGR").click()
    expect(page).to_have_url(re.compile(r"metric=cagr"))
    watched.is_clean()

    other = visit(page.url.replace(site.first, site.second), theme="light")

    drawn(other.page)
    expect(other.page.locator("#sweep-metric")).to_have_value("CAGR")
    z = "document.querySelector('#sweep-map .js-plotly-plot')._fullData[0].z.map((row) => [...row])"
    assert other.page.evaluate(z) == page.evaluate(z)
    other.is_clean()


def test_brushing_chooses_points_for_map_and_table(
    site: Site, visit: Visit, finished: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}/sweeps/{finished['id']}")
    page = watched.page
    drawn(page)
    first = page.locator(".parallel-axis").first
    first.scroll_into_view_if_needed()
    expect(first).to_be_visible()
    box = page.locator(".parallel-axis .parallel-line").first.bounding_box()
    assert box is not None

    # The lower half of the first axis: fast 3 to 7.
    page.mouse.move(box["x"], box["y"] + box["height"])
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] + box["height"] * 0.55, steps=4)
    page.mouse.up()

    expect(page).to_have_url(re.compile(r"brush=fast::4"))
    expect(page.locator("#sweep-brush-words")).to_contain_text("fast 3 to 7")
    # Five of ten values, five of slow, two directions.
    expect(page.locator("#sweep-count")).to_have_text(f"50 of {finished['n_points']}")
    fast = page.locator('#sweep-top .ag-cell[col-id="p_fast"]')
    expect(fast.first).to_be_visible()
    assert {int(text) for text in fast.all_inner_texts()} <= {3, 4, 5, 6, 7}
    page.locator("#sweep-clear").click()
    expect(page).not_to_have_url(re.compile(r"brush="))
    watched.is_clean()


def test_slices_and_the_other_direction(site: Site, visit: Visit, finished: dict[str, Any]) -> None:
    watched = visit(f"{site.first}/sweeps/{finished['id']}?at=direction:2")
    page = watched.page
    drawn(page)
    expect(page.locator(".stand:visible .stand-name")).to_have_text("direction short_only")

    page.locator("#sweep-kind").get_by_text("Slices").click()

    expect(page.locator("#sweep-slices .main-svg").first).to_be_visible()
    expect(page).to_have_url(re.compile(r"kind=slices"))
    watched.is_clean()


def test_a_row_of_the_table_opens_its_run(
    site: Site, visit: Visit, finished: dict[str, Any]
) -> None:
    watched = visit(f"{site.first}/sweeps/{finished['id']}")
    page = watched.page
    drawn(page)
    best = finished["best"]
    row = page.locator(f'#sweep-top .ag-row[row-id="{best["index"]}"]')
    text = fmt.decimal(best["metrics"]["sharpe"])
    expect(row.locator('[col-id="sharpe"]')).to_have_text(text)

    row.locator('[col-id="sharpe"]').click()

    expect(page).to_have_url(RUN_URL, timeout=SLOW_MS)
    assert page.url.endswith(best["run_url"])
    watched.is_clean()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_sweep_fits_on_a_phone(
    site: Site, visit: Visit, finished: dict[str, Any], theme: str
) -> None:
    watched = visit(f"{site.first}/sweeps/{finished['id']}", width=390, height=844, theme=theme)
    drawn(watched.page)

    assert watched.page.evaluate("document.documentElement.scrollWidth") <= 390
    names = watched.page.evaluate(
        """() => [...document.querySelectorAll("#sweep-map .annotation")].map((name) => {
          const { top, bottom, left, right } = name.querySelector("g").getBoundingClientRect();
          return [top, bottom, left, right];
        }).sort((a, b) => a[0] - b[0])"""
    )
    assert names
    assert all(above[1] <= below[0] for above, below in pairwise(names))
    assert all(0 <= left < right <= 390 for *_, left, right in names)
    watched.is_clean()


def test_the_list_names_what_was_swept(site: Site, visit: Visit, finished: dict[str, Any]) -> None:
    watched = visit(f"{site.first}/sweeps")
    row = watched.page.locator(f'[data-subject="{finished["id"]}"]')

    expect(row).to_contain_text("Moving-average cross")
    row.locator("a").click()
    drawn(watched.page)
    watched.is_clean()


def test_a_sweep_is_deleted_from_the_list_unless_it_is_taken_back(site: Site, visit: Visit) -> None:
    made = site.client.sweep({"run": {**RUN, "end": "2008-12-31"}, "axes": {"fast": "3..9"}})
    kept = site.client.sweep({"run": {**RUN, "end": "2008-12-30"}, "axes": {"fast": "3..9"}})
    waited(site, made["id"])
    waited(site, kept["id"])
    before = site.client.sweeps()["total"]
    watched = visit(f"{site.first}/sweeps")
    page = watched.page
    row, other = (page.locator(f'tr[data-subject="{item["id"]}"]') for item in (made, kept))

    other.get_by_role("button", name="Delete").click()
    expect(other).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(other).to_be_visible()
    row.get_by_role("button", name="Delete").click()

    # The note goes after six seconds, and the list is read again.
    expect(row).to_have_count(0)
    expect(other).to_be_visible()
    assert site.client.sweeps()["total"] == before - 1
    watched.is_clean()

    page.goto(f"{site.first}/sweeps/{kept['id']}")
    page.locator(".sweep-head").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(f"{site.first}/sweeps")
    assert site.client.sweeps()["total"] == before - 2
