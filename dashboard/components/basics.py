"""Small parts: icon, button, badge, card, tile, and the states of a card.

None is never passed on: `None` for a Mantine style prop throws in React.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard.client import ApiError, request_id_of

Children = Component | str | Sequence[Component | str] | None


def attributes(**names: Any) -> dict[str, Any]:
    """Return HTML attributes with dashes: `attributes(aria_label="x")` is {"aria-label": "x"}."""
    return {name.replace("_", "-"): value for name, value in names.items()}


def icon(name: str, label: str = "", *, size: int = 16) -> html.Span:
    """Return an icon of `assets/icons.css` in the colour of its text."""
    style = {} if size == 16 else {"width": size, "height": size}
    if label:
        return html.Span(
            className=f"icon icon-{name}",
            title=label,
            role="img",
            style=style,
            **attributes(aria_label=label),
        )
    return html.Span(className=f"icon icon-{name}", style=style, **attributes(aria_hidden="true"))


def _face(text: str, icon_name: str, hint: str) -> list[Component | str]:
    face: list[Component | str] = []
    if icon_name:
        face.append(icon(icon_name))
    if text:
        face.append(html.Span(text))
    if hint:
        face.append(html.Span(hint, className="button-hint"))
    return face


def button(
    text: str,
    *,
    icon_name: str = "",
    kind: str = "",
    hint: str = "",
    small: bool = False,
    **props: Any,
) -> html.Button:
    """Return a button; `kind` is "primary", "quiet" or "" (bordered)."""
    names = ["button", f"button-{kind}" if kind else "", "button-small" if small else ""]
    name = " ".join(part for part in names if part)
    return html.Button(_face(text, icon_name, hint), className=name, type="button", **props)


def link_button(
    text: str, href: str, *, icon_name: str = "", kind: str = "", **props: Any
) -> html.A:
    """Return a link that looks like a button; the shell follows it without loading a page."""
    name = f"button button-{kind}" if kind else "button"
    return html.A(_face(text, icon_name, ""), href=href, className=name, **props)


def badge(text: str, level: str = "info", title: str = "") -> html.Span:
    """Return a badge; `level` is pass, doubt, fail, info or neutral."""
    props = attributes(title=title) if title else {}
    return html.Span(text, className=f"badge badge-{level}", **props)


CHECK_WORDS = {"pass": "passed", "doubt": "doubt", "fail": "failed", "none": "not run"}


def check_icon(level: str) -> html.Span:
    """Return a check's state: each has a colour and a shape of its own."""
    name = level if level in CHECK_WORDS else "none"
    return html.Span(icon(name, CHECK_WORDS[name]), className=f"check check-{name}")


def card(
    title: Children,
    children: Children,
    *,
    hint: Children = None,
    actions: Children = None,
    number: int | None = None,
    class_name: str = "",
    **props: Any,
) -> html.Section:
    """Return a card: a head of 40 px (title, hint, actions on the right) and a body."""
    head: list[Component] = []
    if number is not None:
        head.append(html.Span(str(number), className="card-number"))
    # A component without children is falsy, so it is asked for by None.
    if title is not None and title != "":
        head.append(html.H2(title, className="card-title"))
    if hint is not None:
        head.append(html.Span(hint, className="card-hint"))
    if actions is not None:
        head.append(html.Div(actions, className="card-actions"))
    body = html.Div(children, className="card-body")
    parts = [html.Div(head, className="card-head"), body] if head else [body]
    return html.Section(parts, className=f"card {class_name}".strip(), **props)


def delta(text: str, *, better: bool | None) -> html.Span:
    """Return a change: ▲ is better and ▼ worse (not up and down); None is neither."""
    if better is None:
        return html.Span(text, className="delta")
    mark, word = ("▲", "better") if better else ("▼", "worse")
    return html.Span(
        [html.Span(mark, className="delta-mark", **attributes(aria_label=word)), text],
        className=f"delta delta-{word}",
    )


def tile(
    label: str, value: str, *, below: Children = None, title: str = "", level: str = ""
) -> html.Div:
    """Return a KPI tile: label, value, and one line below it (kept free when there is none)."""
    name = f"tile-value tile-{level}" if level else "tile-value"
    props = attributes(title=title) if title else {}
    return html.Div(
        [
            html.Div(label, className="tile-label"),
            html.Div(value, className=name),
            html.Div(below if below is not None else "", className="tile-below"),
        ],
        className="tile",
        **props,
    )


def delete_button(kind: str, id: str, name: str) -> html.Button:
    """Return the button that deletes a sweep or a walk-forward, which can be undone for a while.

    Parameters
    ----------
    kind : str
        `sweeps` or `walkforwards`, as in its address.
    id, name : str
        Which, and what it is called.
    """
    return html.Button(
        icon("trash"),
        type="button",
        className="button button-quiet button-small study-delete",
        title="Delete",
        **attributes(aria_label=f"Delete {name}", data_study=f"{kind}/{id}", data_name=name),
    )


def segmented(
    id: str | dict[str, str],
    options: Sequence[tuple[str, str]],
    value: str,
    label: str,
    **props: Any,
) -> dmc.SegmentedControl:
    """Return a segmented control over (value, text) pairs; `label` is read aloud, not shown."""
    return dmc.SegmentedControl(
        id=id,
        data=[{"value": key, "label": text} for key, text in options],
        value=value,
        size="xs",
        className="segmented",
        transitionDuration=0,
        attributes={"root": {"aria-label": label}},
        **props,
    )


def empty_state(sentence: str, action: Component, *, icon_name: str = "chart") -> html.Div:
    """Return what stands where there is nothing yet: one sentence and one button."""
    return html.Div([icon(icon_name, size=40), html.P(sentence), action], className="empty-state")


def error_card(title: str, error: ApiError, *, retry: Component | None = None) -> html.Section:
    """Return a failed card: what happened, the request's id, and Retry.

    Without `retry`, the button loads the page's view again: the view is its URL.
    """
    request_id = request_id_of(error)
    again = retry or html.A(
        [icon("retry"), html.Span("Retry")],
        href="",
        className="button button-small",
        **attributes(data_retry="1"),
    )
    details = [html.P(str(error))]
    if request_id:
        details.append(html.P(["request ", html.Code(request_id)], className="request-id"))
    head = html.Div(
        [
            html.Span(icon("fail"), className="check check-fail"),
            html.H2(title, className="card-title"),
        ],
        className="card-head",
    )
    body = html.Div([*details, html.Div(again, className="row")], className="card-body")
    return html.Section([head, body], className="card card-error", role="alert")


def page_error(title: str, sentence: str, action: Component) -> html.Div:
    """Return a whole page that could not be shown, with the one thing to do next."""
    return html.Div(
        [html.H1(title, className="page-title"), html.P(sentence), action], className="page-error"
    )


def skeleton(*heights: int) -> html.Div:
    """Return boxes of the final heights; the style sheet shows them after 150 ms."""
    return html.Div(
        [html.Div(className="skeleton-box", style={"height": height}) for height in heights],
        className="skeleton",
        **attributes(aria_hidden="true"),
    )
