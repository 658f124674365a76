"""The price chart: one component around lightweight-charts, drawn by `assets/price_chart.js`.

The library (Apache-2.0, vendored with its licence and notice) is loaded when the first chart is
shown; its attribution logo stays on.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from dash import html
from dash.development.base_component import Component

from dashboard.components.basics import attributes

_LIBRARY = "vendor/lightweight-charts/lightweight-charts.standalone.production.js"
_FILE = Path(__file__).resolve().parent.parent / "assets" / _LIBRARY
LIBRARY_URL = f"/assets/{_LIBRARY}?m={zlib.crc32(_FILE.read_bytes()):08x}"
"""Same on every host, so that browsers keep it for ever."""


def price_chart(
    id: str, *, bars_url: str, timeframe: str, first_ms: float, last_ms: float, height: int
) -> Component:
    """Return a candle chart of one symbol at a time, with volume, indicators and trades.

    Parameters
    ----------
    id : str
    bars_url : str
        Same-origin address of the bars; the symbol, `from`, `to` and `points` are added to it.
    timeframe : str
        Of the bars, for example "1d": whether the axis shows the time of day.
    first_ms, last_ms : float
        First and last bar of the period (UTC ms); finer data is fetched within it when zooming.
    height : int
        Pixels.
    """
    options: dict[str, Any] = {
        "library": LIBRARY_URL,
        "bars": bars_url,
        "timeframe": timeframe,
        "first": first_ms,
        "last": last_ms,
    }
    return html.Div(
        [html.Div(className="price-chart-values"), html.Div(className="price-chart-canvas")],
        id=id,
        className="price-chart",
        style={"height": height},
        role="img",
        **attributes(
            data_options=json.dumps(options), aria_label="Price with the trades of the run"
        ),
    )
