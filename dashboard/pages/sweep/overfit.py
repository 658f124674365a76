"""How much of the best point is luck."""

from __future__ import annotations

import numpy as np
from dash import html
from dash.development.base_component import Component

from dashboard import formatting as fmt
from dashboard import ids
from dashboard.client import Document
from dashboard.components import card, graph
from dashboard.figures import sweeps
from dashboard.pages.sweep import cube as cubes
from dashboard.pages.sweep import findings
from dashboard.pages.sweep.cube import Cube
from dashboard.theme import Theme

CARRY_POINTS = 900


def overfit_cards(document: Document, cube: Cube, theme: Theme) -> list[Component]:
    """Return how much of the best is luck; nothing while there is no answer."""
    tiles = _overfit_tiles(document)
    if not tiles:
        return []
    charts = []
    logits = document.get("pbo_logits")
    if logits:
        charts.append(
            _small_chart(
                "Rank out of sample of the best in sample",
                graph(
                    ids.SWEEP_LOGITS,
                    sweeps.logit_figure(logits["edges"], logits["counts"], theme),
                    height=sweeps.CARRY_HEIGHT,
                    label="Where the best of one half ends up in the other",
                ),
            )
        )
    if cube.halves is not None:
        known = np.flatnonzero(np.isfinite(cube.halves[0]) & np.isfinite(cube.halves[1]))
        shown = cubes.sample(known, CARRY_POINTS)
        charts.append(
            _small_chart(
                "Sharpe, first half against second",
                graph(
                    ids.SWEEP_CARRY,
                    sweeps.carry_figure(cube.halves[0][shown], cube.halves[1][shown], theme),
                    height=sweeps.CARRY_HEIGHT,
                    label="Sharpe of each point in the first half of the data and in the second",
                ),
            )
        )
    trials = fmt.integer(document["n_points"])
    body = [html.Div(tiles, className="overfit-tiles")]
    if charts:
        body.append(html.Div(charts, className="overfit-charts"))
    return [
        card(
            "Overfitting",
            body,
            hint=f"best of {trials}",
            class_name="sweep-overfit",
            id="sweep-overfit",
        )
    ]


def chance(value: float) -> str:
    """Return a probability; one that would print as certain is not quite that."""
    return "> 0.99" if value >= 0.995 else fmt.decimal(value)


def _small_chart(title: str, chart: Component) -> Component:
    return html.Div([html.Div(title, className="small-title"), chart])


def _overfit_tiles(document: Document) -> list[Component]:
    tiles = []
    pbo, dsr, trials = (document.get(name) for name in ("pbo", "dsr", "trials"))
    if pbo is not None and not fmt.is_missing(pbo):
        tiles.append(
            _figure(
                "PBO",
                fmt.decimal(pbo),
                f"want < {findings.PBO_FINE:.2f}",
                findings.pbo_level(float(pbo)),
                "Probability of backtest overfitting: how often the best of one half of the time "
                "is below the median of the other half, over all ways to halve it.",
            )
        )
    if dsr is not None and not fmt.is_missing(dsr):
        tiles.append(
            _figure(
                "DSR",
                chance(float(dsr)),
                f"want > {findings.DSR_FINE:.2f}",
                findings.dsr_level(float(dsr)),
                "Deflated Sharpe: the chance that the best point's true Sharpe is above what the "
                "best of so many trials without any skill would show.",
            )
        )
    if not fmt.is_missing(trials):
        tiles.append(
            _figure(
                "Trials",
                fmt.integer(trials),
                "in the ledger",
                "",
                "All distinct trials of this strategy on these data so far, deleted ones too: what "
                "the deflated Sharpe counts.",
            )
        )
    return tiles


def _figure(label: str, value: str, below: str, level: str, definition: str) -> Component:
    return html.Div(
        [
            html.Div(label, className="tile-label"),
            html.Div(value, className=f"tile-value is-{level}" if level else "tile-value"),
            html.Div(below, className="tile-below"),
        ],
        className="tile",
        title=definition,
    )
