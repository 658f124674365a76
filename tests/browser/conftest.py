"""A real API with a worker, two real dashboards on a store of their own, a browser that watches.

Without chromium these tests are skipped, and the command that installs it is named; under CI=true
they fail instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from config.settings import ROOT, load_settings
from dataapi.client import Client
from tests.ports import free_port, wait_for

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that it can be left out by name."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@dataclass
class Site:
    """Two dashboards that share nothing but the API, and a client of that."""

    first: str
    second: str
    client: Client


@dataclass
class Watched:
    """A page, and everything that must not happen on it."""

    page: Page
    console: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)

    def is_clean(self) -> None:
        """Assert: no console error, one page request, nothing asked of anybody else."""
        assert self.console == []
        assert self.failed == []
        assert self.foreign == []
        assert len(self.documents) == 1, self.documents


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        message = "chromium is missing; install it with: sudo apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the bundled bars and runs."""
    # Imported here: a machine without chromium need not load the engine.
    from dataapi.services.bundled_runs import ensure_bundled

    directory = tmp_path_factory.mktemp("site")
    ensure_bundled(load_settings().with_data_dir(directory), lambda _: None)
    return directory


@pytest.fixture(scope="session")
def site(chromium: str, data_dir: Path) -> Iterator[Site]:
    """Start the processes; their stderr is shown when one dies."""
    ports = [free_port() for _ in range(3)]
    api, first, second = (f"http://127.0.0.1:{port}" for port in ports)
    common = {
        "HINDCAST_STORE_DATA_DIR": str(data_dir),
        "HINDCAST_SERVER_DRAIN_DELAY_S": "0",
        "HINDCAST_DATAAPI_PORT": str(ports[0]),
        "HINDCAST_DASHBOARD_API_URL": api,
    }
    processes: list[subprocess.Popen[str]] = []
    try:
        processes.append(_start("dataapi", common))
        processes.extend(
            _start("dashboard", {**common, "HINDCAST_DASHBOARD_PORT": str(port)})
            for port in ports[1:]
        )
        for process, address in zip(processes, (api, first, second), strict=True):
            wait_for(f"{address}/readyz", process, timeout_s=120.0)
        processes.append(_start("dataapi.cli", common, "worker"))
        with Client(api) as client:
            yield Site(first, second, client)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.communicate(timeout=30)


def _start(module: str, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("HINDCAST_")}
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests; each test has a context of its own."""
    # Two cores may be shared with other tests.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Return a function that opens an address in a fresh context."""
    contexts: list[BrowserContext] = []

    def open_page(
        address: str, *, width: int = 1440, height: int = 900, theme: str = "dark"
    ) -> Watched:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="light" if theme == "light" else "dark",
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        watched = _watch(context.new_page(), address)
        watched.page.goto(address)
        return watched

    yield open_page
    for context in contexts:
        context.close()


def _watch(page: Page, address: str) -> Watched:
    watched = Watched(page)
    origin = "/".join(address.split("/")[:3])

    def on_request(request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if not url.startswith((origin, "data:", "blob:")):
            watched.foreign.append(url)
        if request.resource_type == "document":  # type: ignore[attr-defined]
            watched.documents.append(url)

    page.on("request", on_request)
    page.on(
        "console",
        lambda message: (
            watched.console.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: watched.console.append(str(error)))
    page.on(
        "response",
        lambda response: (
            watched.failed.append(f"{response.status} {response.url}")
            if response.status >= 400
            else None
        ),
    )
    return watched
