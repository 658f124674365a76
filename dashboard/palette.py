"""What Ctrl-K finds: pages, runs, symbols and strategies, each with the address to go to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, jsonify, request

from dashboard import formatting as fmt
from dashboard.client import Api, ApiError, Document

logger = logging.getLogger(__name__)

Item = dict[str, str]
PAGES: tuple[Item, ...] = (
    {"kind": "page", "text": "Runs", "hint": "g r", "href": "/"},
    {"kind": "page", "text": "New run", "hint": "g n", "href": "/new"},
    {"kind": "page", "text": "Sweeps", "hint": "g s", "href": "/sweeps"},
    {"kind": "page", "text": "Status", "hint": "", "href": "/status"},
    {"kind": "page", "text": "New sweep", "hint": "", "href": "/sweeps/new"},
    {"kind": "page", "text": "Compare", "hint": "", "href": "/compare"},
)
RUNS_SHOWN = 8
OTHERS_SHOWN = 6


def add_routes(server: Flask, api: Api) -> None:
    """Serve `/palette.json?q=…`."""

    @server.get("/palette.json")
    def palette() -> Response:
        text = request.args.get("q", "").strip()[:100]
        try:
            wanted: dict[str, Any] = {"q": text} if text else {}
            found = api.runs(limit=RUNS_SHOWN, **wanted)["items"]
            items = matches(text, found, api.series(), api.strategies())
        except ApiError as error:
            # The pages can still be reached.
            logger.warning("palette without the API: %s", error)
            items = matches(text, [], [], [])
        return jsonify({"items": items})


def matches(
    text: str,
    runs: Sequence[Document],
    series: Sequence[Document],
    strategies: Sequence[Document],
) -> list[Item]:
    """Return what `text` finds; `runs` were searched by the API already."""
    wanted = text.casefold()
    pages = [page for page in PAGES if wanted in page["text"].casefold()]
    found = [
        {
            "kind": "run",
            "text": run["name"] or run["title"],
            "hint": f"{fmt.symbols(run['symbols'])}, {fmt.signed_percent(run['metrics']['cagr'])}",
            "href": run["url"],
        }
        for run in runs
    ]
    symbols = [
        {
            "kind": "symbol",
            "text": item["symbol"],
            "hint": f"new run on {fmt.timeframe(item['timeframe'])} bars",
            "href": f"/new?symbols={quote(item['symbol'])}",
        }
        for item in series
        if wanted in item["symbol"].casefold()
    ]
    templates = [
        {
            "kind": "strategy",
            "text": item["title"],
            "hint": f"new run with {item['name']}",
            "href": f"/new?strategy={quote(item['name'])}",
        }
        for item in strategies
        if wanted in item["title"].casefold() or wanted in item["name"]
    ]
    return [*pages, *found, *symbols[:OTHERS_SHOWN], *templates[:OTHERS_SHOWN]]
