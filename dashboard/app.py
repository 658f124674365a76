"""The dashboard as an application: shell, routing by path, pages.

No state is kept: any process answers any callback, so a balancer may send each to another one.
"""

from __future__ import annotations

import logging
import re
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, set_props
from dash.development.base_component import Component
from flask import has_request_context, request

from config.logs import request_id
from config.settings import Settings
from dashboard import client, ids, palette, theme
from dashboard.client import Api, ApiError, ApiRejected
from dashboard.components import error_card, link_button, page_error, shell
from dashboard.pages import (
    Page,
    compare,
    new_run,
    result,
    runs,
    status,
    sweep,
    sweep_form,
    sweeps,
    walkforward,
)
from dashboard.web import add_edges

logger = logging.getLogger(__name__)

PAGES: tuple[Page, ...] = (
    runs.PAGE,
    new_run.PAGE,
    result.PAGE,
    compare.PAGE,
    sweeps.PAGE,
    sweep_form.PAGE,
    sweep.PAGE,
    walkforward.PAGE,
    status.PAGE,
)
# As many as a screen of 900 px leaves room for.
STARRED_SHOWN = 8
ASSETS = Path(__file__).parent / "assets"

INDEX = """<!DOCTYPE html>
<html lang="en" data-mantine-color-scheme="dark">
  <head>
    {%metas%}
    <title>{%title%}</title>
    <link rel="icon" type="image/svg+xml" href="/assets/logo.svg?m=LOGO">
    <link rel="preload" as="font" type="font/woff2" href="/assets/fonts/inter.woff2" crossorigin>
    <link rel="stylesheet" href="/theme/tokens.css?m=TOKENS">
    <script src="/theme/tokens.js?m=TOKENS"></script>
    <script src="/assets/first/theme.js?m=THEME"></script>
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>{%config%}{%scripts%}{%renderer%}</footer>
  </body>
</html>
"""


class _Dash(Dash):
    """Dash with asset URLs that are equal on all hosts: contents and versions, not file times."""

    def _collect_and_register_resources(
        self, resources: Any, include_async: bool = True, url_attr: str = "src"
    ) -> Any:
        urls = super()._collect_and_register_resources(resources, include_async, url_attr)
        return [self._stable(url) for url in urls]

    def _stable(self, url: Any) -> Any:
        if isinstance(url, dict):
            return {**url, "src": self._stable(url["src"])} if "src" in url else url
        if url.startswith("/assets/"):
            path = url.partition("?")[0]
            return f"{path}?m={checksum(ASSETS / path.removeprefix('/assets/'))}"
        return re.sub(r"(\.v[\w-]+m)\d+\.", r"\g<1>0.", url)


def checksum(file: Path) -> str:
    """Return a file's fingerprint for its URL."""
    return f"{zlib.crc32(file.read_bytes()):08x}"


def create_app(settings: Settings, api: Api | None = None) -> Dash:
    """Return the dashboard; `.server` is its Flask application.

    Parameters
    ----------
    settings : Settings
        Addresses, timeouts and cache sizes.
    api : Api, optional
        For tests; else the API at `settings.dashboard.api_url`.
    """
    tokens = f"{zlib.crc32((theme.css() + theme.tokens_script()).encode()):08x}"
    index = (
        INDEX.replace("TOKENS", tokens)
        .replace("THEME", checksum(ASSETS / "first" / "theme.js"))
        .replace("LOGO", checksum(ASSETS / "logo.svg"))
    )
    app = _Dash(
        "dashboard",
        title="Hindcast",
        update_title="",
        assets_folder=str(ASSETS),
        assets_path_ignore=["first", "vendor"],
        index_string=index,
        # The balancer compresses, once for all processes.
        compress=False,
        suppress_callback_exceptions=True,
        on_error=_report,
    )
    server = app.server
    if api is None:
        api = client.connect(server, settings.dashboard)
    add_edges(app, server, settings, api)
    palette.add_routes(server, api)
    app.layout = lambda: shell.layout(
        theme.current_theme(), _skeleton(request.referrer if has_request_context() else None)
    )
    _register_routing(app, api)
    for page in PAGES:
        page.register(app, api)
    return app


def _register_routing(app: Dash, api: Api) -> None:
    app.clientside_callback(
        ClientsideFunction("hindcast", "currentRoute"),
        Output(ids.ROUTE, "data"),
        Input(ids.ROUTE, "id"),
    )

    @app.callback(
        Output(ids.PAGE, "children"),
        Output(ids.TITLE, "data"),
        Input(ids.ROUTE, "data"),
        prevent_initial_call=True,
    )
    def show(route: dict[str, str]) -> tuple[Component, dict[str, str]]:
        page, title = render(api, route["path"], route["search"])
        return page, {"text": title, "path": route["path"]}

    @app.callback(
        Output(ids.NAV_COUNT, "children"),
        Output(ids.NAV_STARRED, "children"),
        Input(ids.TITLE, "data"),
        prevent_initial_call=True,
    )
    def navigation(title: dict[str, str]) -> tuple[str, list[Component]]:
        try:
            count = api.runs(limit=1)["total"]
            starred = api.runs(limit=STARRED_SHOWN, starred=True)["items"]
        except ApiError:
            # The page itself says what is wrong.
            return "", []
        return str(count), shell.starred(starred)

    # One call for all parts: each costs a round through everything on the page.
    app.clientside_callback(
        ClientsideFunction("hindcastLater", "wait"),
        Output(ids.PAGE, "data-later"),
        Input(ids.later(ALL), "data"),
        State(ids.later(ALL), "id"),
    )
    app.clientside_callback(ClientsideFunction("hindcast", "shown"), Input(ids.TITLE, "data"))
    app.clientside_callback(ClientsideFunction("hindcast", "note"), Input(ids.TOAST, "data"))


def render(api: Api, path: str, search: str) -> tuple[Component, str]:
    """Return the page at `path` with its title; what goes wrong becomes a page of its own."""
    for page in PAGES:
        match = page.pattern.fullmatch(path)
        if match is None:
            continue
        try:
            shown = page.layout(api, match.groupdict(), search)
            # A page about one thing is called by its name.
            title = getattr(shown, "data-title", page.title)
            return shown, f"{title} – Hindcast"
        except ApiRejected as error:
            if error.status == 404:
                return _missing(str(error)), "Not found – Hindcast"
            return error_card(f"{page.title} did not load", error), f"{page.title} – Hindcast"
        except ApiError as error:
            return error_card(f"{page.title} did not load", error), f"{page.title} – Hindcast"
    return _missing(f"There is no page at {path}."), "Not found – Hindcast"


def _skeleton(address: str | None) -> tuple[int, ...]:
    """Return the heights of the boxes of the page at `address`, which asks for the frame."""
    path = urlsplit(address or "").path
    return next((page.skeleton for page in PAGES if page.pattern.fullmatch(path)), ())


def _missing(sentence: str) -> Component:
    return page_error("Not found", sentence, link_button("All runs", "/", kind="primary"))


def _report(error: Exception) -> None:
    """Say on the page what a callback could not do; the last good view stays."""
    if isinstance(error, ApiError):
        text = str(error)
        reference = client.request_id_of(error)
    else:
        logger.error("callback failed", exc_info=error)
        text, reference = "This did not work: a fault of ours.", request_id.get()
    set_props(ids.TOAST, {"data": {"text": text, "kind": "error", "reference": reference}})
