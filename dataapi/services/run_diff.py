"""What differs between two runs: their settings, bars and engine, where they part, and why.

Both are gone through again and their event logs compared. The cause is found by experiment: the
first run is made once more with one setting of the second, and the setting that makes it part at
the same place is the cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from config.run import RunConfig
from dataapi import wire
from dataapi.problems import ApiProblem
from dataapi.services.documents import Document
from dataapi.services.inputs import Inputs
from dataapi.services.replay import Replay, played, replay
from dataapi.services.runs import Runs
from engine.analysis.difference import (
    Divergence,
    Event,
    distance,
    equity_divergence,
    first_divergence,
    logged,
    recorded,
)
from engine.errors import EngineError
from engine.events import event_table
from engine.types import Bars, FloatArray, IntArray

MOST_EXPERIMENTS = 16
PRICES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One of the two runs; `inputs` is None when its bars or engine are gone."""

    document: Document
    inputs: Inputs | None
    events: list[Event]
    equity: tuple[IntArray, FloatArray]


def run_diff(runs: Runs, first_id: str, second_id: str) -> Document:
    """Return what differs between two runs, the first different event, and its cause.

    Raises
    ------
    NotStoredError
        If one of them does not exist.
    """
    a, b = _sides(runs, first_id, second_id)
    keys = config_differences([_config(a), _config(b)])
    config = [{"key": key, "a": values[0], "b": values[1]} for key, values in keys]
    data = list(_data_differences(a, b))
    versions = {"a": a.document["engine_version"], "b": b.document["engine_version"]}
    first = first_divergence(a.events, b.events) or equity_divergence(a.equity, b.equity)
    is_same_engine = versions["a"] == versions["b"]
    return {
        "same": first is None and not config and not data and is_same_engine,
        "config": config,
        "data": data,
        "engine": None if is_same_engine else versions,
        "first": None if first is None else _first(first, a.document),
        "cause": _cause(runs, a, b, first, [item["key"] for item in config], data),
    }


def config_differences(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Return (dotted name, value in each) of the settings that are not the same in all."""
    flat = [dict(_flattened(config)) for config in configs]
    names = sorted({name for one in flat for name in one})
    found = [(name, [one.get(name) for one in flat]) for name in names]
    return [(name, values) for name, values in found if any(v != values[0] for v in values)]


def _flattened(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _config(side: _Side) -> Document:
    config: Document = side.document["config"]
    return config


def _sides(runs: Runs, *ids: str) -> tuple[_Side, _Side]:
    """Return both runs, by their replays, or both by what is stored when one has none."""
    found = [(runs.document(run_id), _replayed(runs, run_id)) for run_id in ids]
    is_whole = all(again is not None for _, again in found)
    sides = []
    for run_id, (document, again) in zip(ids, found, strict=True):
        equity = runs.table(run_id, "equity")
        events = (
            _events(again)
            if is_whole and again is not None
            else recorded(runs.table(run_id, "orders"), runs.table(run_id, "fills"))
        )
        sides.append(
            _Side(
                document=document,
                inputs=None if again is None else again.inputs,
                events=events,
                equity=(equity["time"], equity["equity"]),
            )
        )
    return sides[0], sides[1]


def _replayed(runs: Runs, run_id: str) -> Replay | None:
    try:
        return replay(runs, run_id)
    except (ApiProblem, EngineError):
        return None


def _events(again: Replay) -> list[Event]:
    return logged(event_table(again.market, again.signals, again.ledger))


def _first(found: Divergence, document: Document) -> Document:
    return {
        "time": wire.iso_stamp(found.time, document["config"]["timeframe"]),
        "kind": found.kind,
        "symbol": found.symbol,
        "a": None if found.a is None else dict(found.a),
        "b": None if found.b is None else dict(found.b),
        "text": found.text,
    }


def _data_differences(a: _Side, b: _Side) -> Iterator[Document]:
    """Yield the symbols whose bars differ where both runs have some."""
    prints = [{item["symbol"]: item for item in side.document["data"]} for side in (a, b)]
    for symbol in sorted(prints[0].keys() & prints[1].keys()):
        one, other = (items[symbol]["fingerprint"] for items in prints)
        if one == other:
            continue
        if a.inputs is None or b.inputs is None:
            text = f"The bars of {symbol} were other ones; what they were is no longer stored."
            if _is_another_period(prints[0][symbol], prints[1][symbol]):
                text = f"The two used other periods of {symbol}; its bars cannot be compared."
            yield {"symbol": symbol, "a": one, "b": other, "from": None, "text": text}
            continue
        at = _first_other_bar(a.inputs.bars[symbol], b.inputs.bars[symbol])
        if at is not None:
            since = wire.iso_stamp(at, a.inputs.config.timeframe)
            text = f"The bars of {symbol} differ from {since} on."
            yield {"symbol": symbol, "a": one, "b": other, "from": since, "text": text}


def _is_another_period(one: Document, other: Document) -> bool:
    return any(one[name] != other[name] for name in ("first", "last", "bars"))


def _first_other_bar(one: Bars, other: Bars) -> int | None:
    """Return the stamp of the first bar that differs, within the period that both cover."""
    begin, end = max(one.time[0], other.time[0]), min(one.time[-1], other.time[-1])
    spans = [
        slice(int(bars.time.searchsorted(begin)), int(bars.time.searchsorted(end, "right")))
        for bars in (one, other)
    ]
    times = [bars.time[span] for bars, span in zip((one, other), spans, strict=True)]
    n_both = min(times[0].size, times[1].size)
    differs = times[0][:n_both] != times[1][:n_both]
    for name in PRICES:
        left, right = (
            getattr(bars, name)[span][:n_both]
            for bars, span in zip((one, other), spans, strict=True)
        )
        differs |= (left != right) & ~(np.isnan(left) & np.isnan(right))
    places = np.flatnonzero(differs)
    if places.size:
        return int(min(time[places[0]] for time in times))
    if times[0].size == times[1].size:
        return None
    return int(max(times, key=len)[n_both])


def _cause(
    runs: Runs,
    a: _Side,
    b: _Side,
    first: Divergence | None,
    keys: list[str],
    data: list[Document],
) -> str:
    """Return why two runs part, in one sentence."""
    if first is None:
        if keys:
            verb = "differs" if len(keys) == 1 else "differ"
            return f"They trade alike to the last bit; only {_listed(keys)} {verb}."
        return "They are the same."
    is_whole = a.inputs is not None and b.inputs is not None
    tried = [
        (names, _divergence_of(runs, a, config))
        for names, config in (_experiments(a, b, keys) if is_whole else ())
    ]
    there = [(names, found) for names, found in tried if found and found.place == first.place]
    if there:
        # Of several that part there, the one whose event is most like the second run's.
        names, _ = min(there, key=lambda experiment: distance(experiment[1].b, first.b))
        return _because(names, a, b)
    if data:
        return f"The data differ: {data[0]['text']}"
    if a.document["engine_version"] != b.document["engine_version"]:
        return (
            f"Made by different engines: {a.document['engine_version']} and "
            f"{b.document['engine_version']}."
        )
    if len(keys) == 1:
        return f"They differ in {keys[0]} only."
    return f"No single setting explains it; they differ in {_listed(keys)}."


def _experiments(
    a: _Side, b: _Side, keys: list[str]
) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
    """Yield the first run's configuration with one setting of the second's, and its name."""
    ours, theirs = _config(a), _config(b)
    if any(key.startswith("strategy.") and "params" not in key for key in keys):
        # Another strategy has other parameters: it is one change.
        names = [key for key in keys if key.startswith("strategy.")]
        yield names, {**ours, "strategy": theirs["strategy"]}
        keys = [key for key in keys if key not in names]
    for key in keys[:MOST_EXPERIMENTS]:
        yield [key], _with(ours, theirs, key.split("."))


def _with(ours: Any, theirs: Any, path: list[str]) -> Any:
    """Return our configuration with the value at a path taken from theirs."""
    if not isinstance(ours, Mapping) or not isinstance(theirs, Mapping):
        return theirs
    name, *rest = path
    value = _with(ours.get(name), theirs.get(name), rest) if rest else theirs.get(name)
    return {**ours, name: value}


def _divergence_of(runs: Runs, a: _Side, config: Mapping[str, Any]) -> Divergence | None:
    """Return where the first run and an experiment part."""
    try:
        again = played(runs.gather(RunConfig.model_validate(config)))
    except (ApiProblem, EngineError, ValueError):
        return None
    curve = (again.ledger.time, again.ledger.equity)
    return first_divergence(a.events, _events(again)) or equity_divergence(a.equity, curve)


def _because(names: list[str], a: _Side, b: _Side) -> str:
    flat = [dict(_flattened(_config(side))) for side in (a, b)]
    if names[0].startswith("strategy.") and len(names) > 1:
        return "Because the strategies are not the same."
    name = names[0]
    return (
        f"Because {name} is {_said(flat[0].get(name))} in the first run and "
        f"{_said(flat[1].get(name))} in the second: with that alone the first run parts there too."
    )


def _said(value: Any) -> str:
    if isinstance(value, list):
        return _listed([str(item) for item in value])
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
