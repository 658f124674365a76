"""The form's card about out-of-sample bars: windows that move on, or folds."""

from __future__ import annotations

import json
from typing import Any

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from dashboard import ids
from dashboard.components import attributes, card, segmented
from dashboard.pages.sweep_form import form as forms


def windows_card(form: forms.Form) -> Component:
    """Return the card, hidden while the form asks for a sweep."""
    is_folds = form.method != "walk_forward"
    body = [
        segmented(ids.FORM_METHOD, forms.METHODS, form.method, "How out-of-sample bars are chosen"),
        html.P(
            forms.METHOD_WORDS[form.method],
            id=ids.FORM_METHOD_WORDS,
            className="muted",
            **attributes(data_words=json.dumps(forms.METHOD_WORDS)),
        ),
        html.Div(_window_fields(form), id=ids.FORM_WINDOWS_BOX, hidden=is_folds),
        html.Div(_fold_fields(form), id=ids.FORM_FOLDS_BOX, hidden=not is_folds),
    ]
    return html.Div(
        card("Out of sample", html.Div(body, className="stack"), number=4),
        id=ids.FORM_WINDOWS,
        hidden=form.mode != "walkforward",
    )


def _window_fields(form: forms.Form) -> Component:
    return html.Div(
        [
            _count(ids.FORM_IN, "Choose on, bars", form.in_sample, least=2),
            _count(ids.FORM_OUT, "Then trade for, bars", form.out_of_sample, least=1),
            dmc.Switch(
                id=ids.FORM_ANCHORED,
                label="Every window begins at the first bar",
                checked=form.is_anchored,
                size="xs",
                className="form-anchored",
            ),
        ],
        className="fields form-rules",
    )


def _fold_fields(form: forms.Form) -> Component:
    return html.Div(
        [
            _count(ids.FORM_FOLDS, "Folds", form.n_folds, least=2),
            html.Div(
                _count(ids.FORM_TEST_FOLDS, "Tested at a time", form.n_test_folds, least=1),
                id=ids.FORM_TEST_FOLDS_BOX,
                hidden=form.method != "cpcv",
            ),
            _count(ids.FORM_PURGE, "Purge beside it, bars", form.purge, least=0),
            _count(ids.FORM_EMBARGO, "Embargo behind it, bars", form.embargo, least=0),
        ],
        className="fields form-rules form-folds",
    )


def _count(id: str, label: str, value: Any, *, least: int) -> Component:
    return dmc.NumberInput(
        id=id, label=label, value=value, min=least, allowDecimal=False, size="xs"
    )
