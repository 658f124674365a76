"""Answers of the dashboard that come late, and what a page showed meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, Route

WAIT_MS = 20_000


@dataclass
class Held:
    """The first call of a callback, which the server answers only when it is let go."""

    page: Page
    route: Route | None = None

    def wait(self) -> None:
        """Wait until the call is made."""
        for _ in range(WAIT_MS // 20):
            if self.route is not None:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError("The callback was not called.")

    def release(self) -> None:
        """Let the server answer, and wait until the page has the answer."""
        assert self.route is not None
        held = self.route
        with self.page.expect_response(lambda response: response.request == held.request) as found:
            held.continue_()
        found.value.finished()


def hold_one(page: Page, output: str) -> Held:
    """Hold the next call of the callback with this output; all others go through."""
    held = Held(page)

    def on_call(route: Route) -> None:
        body = route.request.post_data_json
        if held.route is None and output in body["output"]:
            held.route = route
        else:
            route.continue_()

    page.route("**/_dash-update-component*", on_call)
    return held


def seen(page: Page, selector: str) -> Callable[[], list[str]]:
    """Return a function that tells every text that an element has shown since now."""
    page.evaluate(
        """(selector) => {
          const at = document.querySelector(selector);
          window.seen = [at.innerText];
          new MutationObserver(() => window.seen.push(at.innerText))
            .observe(at, { childList: true, subtree: true, characterData: true });
        }""",
        selector,
    )
    return lambda: page.evaluate("window.seen")
