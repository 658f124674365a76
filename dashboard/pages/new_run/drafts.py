"""One draft: what the page says about a form, asked of the API and put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import theme
from dashboard.client import Api, ApiError, ApiRejected, Document
from dashboard.pages.new_run import form as forms
from dashboard.pages.new_run import formula_text, parts, view


@dataclass(slots=True)
class Draft:
    """What to show; `figure` is None when the last good one should stay."""

    coverage: Sequence[view.Coverage] = ()
    figure: theme.Figure | None = None
    tiles: list[Component] = field(default_factory=list)
    legend: list[Component] = field(default_factory=list)
    notice: list[Component] = field(default_factory=list)
    elapsed: str = ""
    summary: str = ""
    message: list[Component | str] = field(default_factory=list)
    mark: formula_text.Problem | None = None
    controls: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)


def draft(api: Api, form: forms.Form, before: forms.Form | None, base: Mapping[str, Any]) -> Draft:
    """Return what to say about `form`; `before` is the form before the last change.

    The draft before is asked for again: the dashboard keeps nothing between two callbacks, and
    the answer is still in a cache.
    """
    series = api.series()
    result = Draft(coverage=view.coverage(series, form))
    parsed = formula_text.read(form.get("text") or "")
    if form["mode"] == "formula":
        _check_formula(api, result, parsed, form)
        if result.mark is not None:
            result.notice = parts.refusal(["The formula cannot run as it is."])
            return result
    if not form["symbols"]:
        result.controls["symbols"] = "Choose at least one symbol."
        return result
    try:
        preview = api.preview(forms.to_config(form, base))
    except ApiRejected as error:
        _refuse(result, error, parsed)
        return result
    except ApiError as error:
        result.notice = parts.failure(error)
        return result
    _show(result, preview, _preview_before(api, form, before, base), form, before)
    return result


def _preview_before(
    api: Api, form: forms.Form, before: forms.Form | None, base: Mapping[str, Any]
) -> Document | None:
    """Return the preview of the form before; None when it could not run or is no other draft."""
    if before is None or not before["symbols"]:
        return None
    config = forms.to_config(before, base)
    if config == forms.to_config(form, base):
        return None
    try:
        return api.preview(config)
    except ApiError:
        return None


def _show(
    result: Draft,
    preview: Document,
    old: Document | None,
    form: forms.Form,
    before: forms.Form | None,
) -> None:
    result.figure = view.preview_figure(preview, old, theme.current_theme())
    result.tiles = parts.tiles(view.tiles(preview["metrics"], old["metrics"] if old else None))
    now, then = view.draft_label(form, before)
    result.legend = parts.legend(now, then if old else None)
    result.elapsed = fmt.elapsed(preview["elapsed_ms"])
    result.summary = preview["summary"]
    result.notice = parts.identical(preview["identical"])


def _check_formula(
    api: Api, result: Draft, parsed: formula_text.FormulaText, form: forms.Form
) -> None:
    problem, lookback = formula_text.first(parsed.problems), None
    if problem is None:
        params = forms.to_config(form)["strategy"]["params"]
        try:
            answer = api.check_formula(parsed.formula, params)
        except ApiRejected as error:
            problem = formula_text.Problem(line=1, column=1, message=str(error))
        except ApiError as error:
            result.message = [str(error)]
            return
        else:
            found = [formula_text.locate(item, parsed.places) for item in answer["problems"]]
            problem, lookback = formula_text.first(found), answer.get("lookback")
    result.mark = problem
    result.message = parts.message(problem, lookback)


def _refuse(result: Draft, error: ApiRejected, parsed: formula_text.FormulaText) -> None:
    found = view.field_errors(error.problem)
    result.controls, result.params = found.controls, found.params
    if found.formula:
        place = [formula_text.locate(item, parsed.places) for item in found.formula]
        result.mark = formula_text.first(place)
        result.message = parts.message(result.mark, None)
    shown = found.controls or found.params or found.formula
    if found.rest or not shown:
        result.notice = parts.refusal(found.rest or [str(error)])
