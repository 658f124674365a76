"""From a draft to a run: the form, its live preview, and the address that is handed on."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from dashboard import formatting as fmt
from tests.browser.conftest import Site, Watched
from tests.browser.late import hold_one, seen

Visit = Callable[..., Watched]
RUN_URL = re.compile(r"/runs/[1-9A-HJ-NP-Za-km-z]{12}$")


def opened(watched: Watched) -> Page:
    """Return the page when its first preview is drawn."""
    expect(watched.page.locator("#new-preview .scatterlayer path.js-line").first).to_be_visible()
    return watched.page


def tile(page: Page, label: str) -> str:
    """Return a tile's value in the preview."""
    box = page.locator("#new-tiles .tile").filter(has=page.get_by_text(label, exact=True))
    return box.locator(".tile-value").inner_text()


def test_the_first_draft_is_previewed_with_the_page(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new?symbols=IBM&strategy=sma_cross")
    page = opened(watched)

    series = next(s for s in site.client.series() if s["symbol"] == "IBM")
    wanted = site.client.preview(
        {
            "symbols": ["IBM"],
            "start": series["first"][:10],
            "end": series["last"][:10],
            "strategy": {"name": "sma_cross"},
        }
    )
    assert tile(page, "CAGR") == fmt.signed_percent(wanted["metrics"]["cagr"])
    assert tile(page, "Trades") == fmt.integer(wanted["metrics"]["trades"])
    expect(page.locator("#new-summary")).to_contain_text("IBM")
    watched.is_clean()


def test_a_slider_moves_the_preview_and_keeps_the_line_before(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new")
    page = opened(watched)
    before = page.locator("#new-tiles").inner_text()

    page.get_by_label("fast, number").fill("25")

    expect(page.locator("#new-tiles")).not_to_have_text(before)
    expect(page.get_by_text("fast 25", exact=True)).to_be_visible()
    expect(page.get_by_text("fast 10, before")).to_be_visible()
    # Dashed benchmark, grey and blue equity, grey and orange drawdown.
    expect(page.locator("#new-preview path.js-line")).to_have_count(5)
    watched.is_clean()


def test_a_formula_is_checked_while_it_is_typed(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new")
    page = opened(watched)

    page.get_by_label("Template or formula").get_by_text("Formula").click()
    editor = page.locator("#new-text")
    expect(editor).to_have_value(re.compile(r"enter_long: +cross_above"))
    expect(page.locator("#new-message")).to_contain_text("Valid.")
    right = editor.input_value()
    line = next(i for i, text in enumerate(right.splitlines(), 1) if text.startswith("enter_long"))

    editor.fill(right.replace("enter_long:  cross_above(sma", "enter_long:  cross_above(smaa"))
    message = page.locator("#new-message")
    # "enter_long:  cross_above(" has 25 characters.
    expect(message).to_contain_text(f"Line {line}, column 26.")
    expect(message).to_contain_text("sma")
    expect(page.locator(".editor-colours .code-wrong")).to_have_count(1)

    editor.fill(right + "\nmine = 3 [1..9]")
    expect(message).to_contain_text("Valid.")
    expect(page.get_by_label("mine, number")).to_have_value("3")
    watched.is_clean()


def test_an_impossible_value_is_refused_at_its_field(site: Site, visit: Visit) -> None:
    page = opened(visit(f"{site.first}/new"))

    page.get_by_label("Cash", exact=True).fill("0")

    error = page.locator(".mantine-NumberInput-root", has_text="Cash").locator(
        ".mantine-InputWrapper-error"
    )
    expect(error).to_be_visible()
    # The last good chart stays.
    expect(page.locator("#new-preview path.js-line").first).to_be_visible()


def test_a_preset_sets_costs_and_their_sentence(site: Site, visit: Visit) -> None:
    page = opened(visit(f"{site.first}/new"))
    fees = tile(page, "Fees")

    page.get_by_text("Zero", exact=True).click()

    expect(page.locator(".exec-words").nth(2)).to_contain_text("No market offers that.")
    expect(page.locator("#new-tiles")).to_contain_text("$0")
    assert fees != "$0"


def test_a_run_has_the_same_numbers_for_everybody(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new?symbols=AAPL&strategy=sma_cross")
    page = opened(watched)
    page.get_by_label("fast, number").fill("17")
    expect(page.get_by_text("fast 17", exact=True)).to_be_visible()
    page.get_by_role("textbox", name="Name").fill("Seventeen")
    previewed = tile(page, "CAGR")

    page.keyboard.press("Control+Enter")

    expect(page).to_have_url(RUN_URL)
    expect(page.get_by_role("heading", name="Seventeen")).to_be_visible()
    expect(page.get_by_text(previewed, exact=True).first).to_be_visible()
    watched.is_clean()

    # Another visitor, another process, the same address.
    path = page.url.removeprefix(site.first)
    other = visit(f"{site.second}{path}")
    expect(other.page.get_by_role("heading", name="Seventeen")).to_be_visible()
    expect(other.page.get_by_text(previewed, exact=True).first).to_be_visible()
    run = site.client.get_run(path.removeprefix("/runs/"))
    assert previewed == fmt.signed_percent(run.metrics["cagr"])
    other.is_clean()


def test_a_draft_that_was_run_already_says_where(site: Site, visit: Visit) -> None:
    run = site.client.run(
        {"symbols": ["MSFT"], "strategy": {"name": "sma_cross", "params": {"fast": 21}}},
        name="Microsoft, 21",
    )

    page = opened(visit(f"{site.second}/new?from={run.id}"))

    expect(page.get_by_text("from Microsoft, 21")).to_be_visible()
    expect(page.get_by_label("fast, number")).to_have_value("21")
    expect(page.get_by_text("This run exists.")).to_be_visible()
    page.get_by_role("link", name="Open it").click()
    expect(page).to_have_url(f"{site.second}{run.url}")


def test_the_copied_json_makes_the_same_run(site: Site, visit: Visit) -> None:
    page = opened(visit(f"{site.first}/new?symbols=GOOG&strategy=sma_cross"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy as").click()
    page.get_by_role("menuitem", name="JSON").click()
    expect(page.get_by_text("Copied the JSON.")).to_be_visible()

    config = page.evaluate("async () => JSON.parse(await navigator.clipboard.readText())")
    preview = site.client.preview(config)
    assert tile(page, "CAGR") == fmt.signed_percent(preview["metrics"]["cagr"])


def test_a_draft_that_comes_late_undoes_nothing(site: Site, visit: Visit) -> None:
    watched = visit(f"{site.first}/new?symbols=AAPL&strategy=sma_cross")
    page = opened(watched)
    start = page.get_by_label("From", exact=True)
    first = start.input_value()
    page.locator(".exec", has_text="Costs").locator("summary").click()
    held = hold_one(page, "new-preview")

    page.get_by_label("fast, number").fill("25")
    held.wait()
    # The draft that is on its way knows the default costs and all of the time.
    page.get_by_label("Commission").fill("7")
    page.get_by_label("Period").get_by_text("5Y").click()
    expect(start).not_to_have_value(first)
    chosen = start.input_value()
    held.release()

    # The words about the newest form are there, and it still is what was chosen.
    expect(page.locator("#new-legend")).to_contain_text("before")
    expect(page.locator(".exec-words").nth(2)).to_contain_text("7 bps")
    expect(page.get_by_label("Commission")).to_have_value("7 bps")
    expect(start).to_have_value(chosen)
    expect(page.get_by_label("Period").get_by_role("radio", name="5Y")).to_be_checked()
    watched.is_clean()


def test_a_draft_that_is_never_answered_holds_up_no_newer_one(site: Site, visit: Visit) -> None:
    page = opened(visit(f"{site.first}/new?symbols=AAPL&strategy=sma_cross"))
    held = hold_one(page, "new-preview")

    page.get_by_label("fast, number").fill("25")
    held.wait()
    page.get_by_label("fast, number").fill("26")

    expect(page.get_by_text("fast 26", exact=True)).to_be_visible()
    shown = seen(page, "#new-legend")
    held.release()
    page.get_by_label("fast, number").fill("27")
    expect(page.get_by_text("fast 27", exact=True)).to_be_visible()
    assert not any("fast 25\n" in text for text in shown())


def test_what_was_just_typed_is_what_runs(site: Site, visit: Visit) -> None:
    page = opened(visit(f"{site.first}/new?symbols=AAPL&strategy=sma_cross"))

    page.get_by_label("fast, number").fill("19")
    page.get_by_label("Cash", exact=True).fill("50000")
    page.keyboard.press("Control+Enter")

    expect(page).to_have_url(RUN_URL)
    config = site.client.get_run(page.url.split("/")[-1])["config"]
    assert config["strategy"]["params"]["fast"] == 19
    assert config["cash"] == 50_000.0
