"""P9: opening a finished run until its charts are drawn, against a bare Dash page.

Charts below the first screen are drawn when they come near, so "drawn" is the first screen without
a blank chart.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack

import httpx
from playwright.sync_api import Page, sync_playwright

from tests.bench.measure import Row, Scale, row
from tests.bench.servers import import_bundled_data, running

REPEATS = 15
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BARE_APP = """
import sys
import dash, dash_mantine_components as dmc
from dash import dcc
from waitress import serve
app = dash.Dash(__name__)
app.layout = dmc.MantineProvider(dcc.Graph(figure={}))
app.server.test_client().get("/")
serve(app.server, host="127.0.0.1", port=int(sys.argv[1]), threads=8)
"""
# Notes when, since the navigation began, the charts on the screen had all their traces drawn.
WATCH = """
(() => {
  const isDrawn = (chart) => chart && chart.querySelector('.main-svg') &&
    (!chart.data || !chart.data.length || chart.querySelector('.trace, .point, .bars'));
  const isOnScreen = (box) => box.getBoundingClientRect().top < innerHeight;
  const plotOf = (box) => box.querySelector('.js-plotly-plot');
  const look = () => {
    const boxes = [...document.querySelectorAll('.graph-box')];
    const plots = [...document.querySelectorAll('.js-plotly-plot')];
    const shown = boxes.length ? boxes.filter(isOnScreen).map(plotOf) : plots;
    if (shown.length && shown.every(isDrawn)) window.drawnMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


def measure(scale: Scale) -> list[Row]:
    """Open both pages in turns in one warm browser."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        import_bundled_data(folder)
        bare = stack.enter_context(running("bare", folder, program=BARE_APP, ready="/"))
        api = stack.enter_context(running("dataapi", folder))
        pages = stack.enter_context(running("dashboard", folder, HINDCAST_DASHBOARD_API_URL=api))
        config = {"symbols": ["AAPL"], "strategy": {"name": "sma_cross"}}
        answer = httpx.post(f"{api}/api/v1/runs", json=config, timeout=60)
        run = answer.raise_for_status().json()
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(WATCH)
        times: tuple[list[float], list[float]] = ([], [])
        for i in range(REPEATS + 3):
            measured = (_open(page, pages + run["url"]), _open(page, f"{bare}/"))
            if i >= 3:
                for seconds, one in zip(times, measured, strict=True):
                    seconds.append(one)
        browser.close()
        return [
            row(
                "P9",
                work="open a finished run, warm browser, until its first screen is drawn",
                ours=times[0],
                reference="a Dash page with a MantineProvider and one empty graph",
                other=times[1],
                target=2.0,
            )
        ]


def _open(page: Page, url: str) -> float:
    """Return the seconds from the start of the navigation until the charts were drawn."""
    page.goto("about:blank")
    page.goto(url)
    return page.wait_for_function("() => window.drawnMs", timeout=30_000).json_value() / 1000
