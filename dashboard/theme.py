"""Colours, type and chart layout: one table, from which CSS, Mantine and figures are made."""

from __future__ import annotations

import json
from typing import Any, Literal

from flask import has_request_context, request

Theme = Literal["dark", "light"]
Figure = dict[str, Any]

COOKIE = "hindcast-theme"
VIEW_COOKIE = "hindcast-view"
FONT = "Inter, system-ui, sans-serif"

TOKENS: dict[str, tuple[str, str]] = {
    # name: (dark, light)
    "bg": ("#141517", "#F6F7F9"),
    "surface": ("#1A1B1E", "#FFFFFF"),
    "inset": ("#212226", "#F1F3F5"),
    "hover": ("#2C2E33", "#E9ECEF"),
    "hairline": ("#2A2C31", "#E3E6EA"),
    "control": ("#3B3E45", "#CBD1D8"),
    "ink": ("#E9ECEF", "#1A1D21"),
    "ink2": ("#AEB3BA", "#4B5259"),
    "ink3": ("#868D96", "#69717A"),
    "accent": ("#4DABF7", "#1C7ED6"),
    "up": ("#4C9BE8", "#2178C9"),
    "down": ("#E8833A", "#C8600F"),
    "benchmark": ("#8B9199", "#7A828B"),
    "pass": ("#38B48B", "#0B8A63"),
    "doubt": ("#F2B93B", "#B67A00"),
    "fail": ("#F06565", "#D43A3A"),
    "c1": ("#8C9BE8", "#5B6AD0"),
    "c2": ("#5DBBA6", "#1F8F78"),
    "c3": ("#D2B75A", "#A5810F"),
    "c4": ("#CF86B6", "#B0488F"),
    # The filled button, darker than the accent so that white text on it is legible.
    "action": ("#1971C2", "#1971C3"),
}
"""Colours within a theme are distinct: `assets/shell.js` re-colours drawn charts by this table."""


def current_theme() -> Theme:
    """Return the theme of the request being answered; the browser keeps it in a cookie."""
    if has_request_context() and request.cookies.get(COOKIE) == "light":
        return "light"
    return "dark"


def is_phone() -> bool:
    """Return whether the view of the request being answered is narrower than 768 px."""
    return has_request_context() and request.cookies.get(VIEW_COOKIE) == "phone"


def color(name: str, theme: Theme, alpha: float = 1.0) -> str:
    """Return a token's colour, as `rgba(…)` when `alpha` is below 1."""
    value = TOKENS[name][0 if theme == "dark" else 1]
    if alpha >= 1.0:
        return value
    red, green, blue = (int(value[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def css() -> str:
    """Return the style sheet with the tokens as variables, one block a theme."""
    blocks = []
    for index, theme in enumerate(("dark", "light")):
        lines = [f"  --{name}: {values[index]};" for name, values in TOKENS.items()]
        blocks.append(
            f':root[data-mantine-color-scheme="{theme}"] {{\n  color-scheme: {theme};\n'
            + "\n".join(lines)
            + "\n}"
        )
    return "\n".join(blocks) + "\n"


def tokens_script() -> str:
    """Return the script that gives the table to the browser."""
    table = {"cookie": COOKIE, "viewCookie": VIEW_COOKIE, "tokens": TOKENS}
    return f"window.hindcastTheme = {json.dumps(table, separators=(',', ':'))};\n"


def mantine_theme() -> dict[str, Any]:
    """Return the theme of the Mantine components; their colours follow the CSS variables."""
    return {
        "fontFamily": FONT,
        "fontFamilyMonospace": "'JetBrains Mono', monospace",
        "primaryColor": "blue",
        "defaultRadius": 6,
        "fontSizes": {"xs": "11px", "sm": "12px", "md": "13px", "lg": "14px", "xl": "16px"},
        "respectReducedMotion": True,
    }


def chart_layout(theme: Theme, **changes: Any) -> dict[str, Any]:
    """Return the layout that every Cartesian chart starts from.

    Values on the right in the right margin, one hairline grid, no axis lines, fixed axes, so that
    the wheel scrolls the page. `changes` replace whole keys.
    """
    axis = {
        "gridcolor": color("hairline", theme),
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "fixedrange": True,
        "automargin": False,
        "tickfont": {"size": 11, "color": color("ink3", theme)},
    }
    layout: dict[str, Any] = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 11, "color": color("ink2", theme)},
        "margin": {"l": 12, "r": 52, "t": 4, "b": 26},
        "showlegend": False,
        "hovermode": "x",
        "dragmode": False,
        "separators": ".,",
        "xaxis": {**axis, "hoverformat": "%Y-%m-%d"},
        "yaxis": {**axis, "side": "right"},
    }
    layout.update(changes)
    return layout


def axis(theme: Theme, **changes: Any) -> dict[str, Any]:
    """Return an axis as `chart_layout` makes it, with `changes`."""
    return {**chart_layout(theme)["xaxis"], "hoverformat": "", **changes}


def line(name: str, theme: Theme, width: float = 1.7, dash: str = "solid") -> dict[str, Any]:
    """Return a trace's line: strategy 1.7 px, benchmark 1.1 px dashed `4px,3px`, others 1.2 px."""
    return {"color": color(name, theme), "width": width, "dash": dash}
