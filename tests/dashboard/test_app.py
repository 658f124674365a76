"""The dashboard's server: pages, headers, health, and what it says when the API is down."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from dash import Dash
from flask.testing import FlaskClient

from config.settings import load_settings
from dashboard import theme
from dashboard.app import create_app, render
from dashboard.client import ApiRejected, ApiUnavailable
from tests.dashboard.test_runs_view import run


class FakeApi:
    """A small store in memory; `error` makes every call fail."""

    def __init__(self) -> None:
        self.items: list[dict] = [run()]
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **query: Any) -> Any:
            if self.error is not None:
                raise self.error
            return {
                "runs": {"items": self.items, "total": len(self.items), "next_cursor": None},
                "series": [],
                "strategies": [],
                "health": {"status": "ready"},
            }[name]

        return call


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def app(api: FakeApi) -> Dash:
    return create_app(load_settings({}), api)  # type: ignore[arg-type]


@pytest.fixture
def browser(app: Dash) -> Iterator[FlaskClient]:
    with app.server.test_client() as client:
        yield client


def test_no_answer_of_the_server_has_outputs_whose_number_is_open(app: Dash) -> None:
    # Of those dash-renderer drops no older answer when a newer one is asked for.
    asked = [item for item in app._callback_list if item["clientside_function"] is None]

    assert asked
    assert [item["output"] for item in asked if '["ALL"]' in item["output"]] == []


@pytest.mark.parametrize("path", ["/", "/new", "/runs/kGcsUbthq5Rk", "/anything/else"])
def test_every_path_is_the_same_small_page(browser: FlaskClient, path: str) -> None:
    response = browser.get(path)

    assert response.status_code == 200
    assert "Hindcast" in response.text


def test_a_page_asks_for_nothing_from_elsewhere(browser: FlaskClient) -> None:
    page = browser.get("/").text

    addresses = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert len(addresses) > 10
    assert [address for address in addresses if not address.startswith("/")] == []


def test_the_policy_allows_the_pages_own_scripts_only(browser: FlaskClient) -> None:
    policy = browser.get("/").headers["Content-Security-Policy"]

    scripts = re.search(r"script-src ([^;]+)", policy)[1].split()  # type: ignore[index]
    assert "'self'" in scripts
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts
    assert "http" not in policy


def test_files_are_named_by_their_contents_and_kept_for_ever(browser: FlaskClient) -> None:
    page = browser.get("/").text
    # A time of a file would differ between hosts.
    assert not re.findall(r"[?.m=]1[67]\d{8}", page)
    for address in re.findall(r"""(?:src|href)=["'](/[^"']+\.(?:js|css)[^"']*)""", page):
        with browser.get(address) as response:
            assert response.status_code == 200, address
            assert "max-age=31536000" in response.headers["Cache-Control"], address


def test_every_answer_says_node_time_and_request(browser: FlaskClient) -> None:
    headers = browser.get("/", headers={"X-Request-Id": "abc-123"}).headers

    assert headers["X-Request-Id"] == "abc-123"
    assert float(headers["X-Elapsed-Ms"]) > 0
    assert headers["X-Node"].endswith(":8051")


def test_a_request_id_that_could_forge_a_log_line_is_replaced(browser: FlaskClient) -> None:
    headers = browser.get("/healthz", headers={"X-Request-Id": "a b"}).headers

    assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-Id"])


def test_ready_is_only_who_reaches_the_api(browser: FlaskClient, api: FakeApi) -> None:
    assert browser.get("/readyz").status_code == 200

    api.error = ApiUnavailable("The data API does not answer.")

    assert browser.get("/readyz").status_code == 503
    assert browser.get("/healthz").status_code == 200


def test_metrics_count_what_was_asked(browser: FlaskClient) -> None:
    browser.get("/")
    text = browser.get("/metrics").text

    assert 'hindcast_dashboard_requests_total{kind="page",layer="-",status="200"} 1.0' in text


def test_the_theme_file_has_both_themes(browser: FlaskClient) -> None:
    sheet = browser.get("/theme/tokens.css").text

    for name, values in theme.TOKENS.items():
        for value in values:
            assert f"--{name}: {value};" in sheet


def test_colours_of_a_theme_are_distinct() -> None:
    # Drawn charts are re-coloured by looking each colour up.
    for index in (0, 1):
        values = [pair[index] for pair in theme.TOKENS.values()]
        assert len(set(values)) == len(values)


def test_the_palette_works_without_the_api(browser: FlaskClient, api: FakeApi) -> None:
    api.error = ApiUnavailable("down")

    items = browser.get("/palette.json?q=run").get_json()["items"]

    assert [item["href"] for item in items] == ["/", "/new"]


def test_runs_are_exported_as_a_file(browser: FlaskClient) -> None:
    response = browser.get("/export/runs.csv?ids=kGcsUbthq5Rk")

    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    assert response.text.splitlines()[1].startswith("kGcsUbthq5Rk,")


def text_of(component: Any) -> str:
    children = getattr(component, "children", component)
    if isinstance(children, list | tuple):
        return " ".join(text_of(child) for child in children)
    return text_of(children) if hasattr(children, "children") else str(children or "")


def test_an_empty_store_shows_one_sentence_and_one_button(api: FakeApi) -> None:
    api.items = []

    page, title = render(api, "/", "")  # type: ignore[arg-type]

    assert title == "Runs – Hindcast"
    assert "Make the first run" in text_of(page)


def test_a_page_without_the_api_says_so_and_offers_to_retry(api: FakeApi) -> None:
    api.error = ApiRejected({"status": 500, "detail": "It broke.", "request_id": "01JD3K8QWZ"})

    page, _ = render(api, "/", "")  # type: ignore[arg-type]

    assert "It broke." in text_of(page)
    assert "01JD3K8QWZ" in text_of(page)
    assert "Retry" in text_of(page)


def test_a_path_without_a_page_says_so(api: FakeApi) -> None:
    page, title = render(api, "/nothing", "")  # type: ignore[arg-type]

    assert title == "Not found – Hindcast"
    assert "There is no page at /nothing." in text_of(page)
