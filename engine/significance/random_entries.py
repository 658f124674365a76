"""The same trades at random times: whether their moments mattered, or only their exposure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.kernels.placing import Measured, Placed, Prices, hold_placed
from engine.significance.monte_carlo import (
    SAMPLES,
    Accounts,
    about,
    affordable_samples,
    fan_places,
    joined,
    summary,
)
from engine.types import FloatArray, IntArray

_CELLS = 2_000_000
"""Numbers in one array of a tile: large enough for speed, small enough for any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a run held, and the prices it could have held it at.

    Parameters
    ----------
    time : ndarray of int64, shape (n_bars,)
        Stamps of the run, UTC ms.
    open, close : ndarray of float64, shape (n_symbols, n_bars)
        Comparable over the whole run, splits and dividends taken out; known at every bar.
    own : sequence of ndarray of int64
        Of each symbol the bars of the run at which it has one, ascending.
    symbol, enter, leave : ndarray of int64, shape (n_trades,)
        Of each trade; places are counted in own bars of the symbol. `leave` is `enter` for a
        trade of one bar, and the number of own bars for one that is still open.
    weight : ndarray of float64, shape (n_trades,)
        Value at entry as a share of the equity at the close before, negative for shorts.
    cost : float
        Of each fill, as a fraction of its value.
    """

    time: IntArray
    open: FloatArray
    close: FloatArray
    own: Sequence[IntArray]
    symbol: IntArray
    enter: IntArray
    leave: IntArray
    weight: FloatArray
    cost: float


@dataclass(frozen=True, slots=True)
class _Episodes:
    """Trades of one symbol that overlap are one episode, which is moved as a whole.

    `rows` are the symbol's trades, `of` the episode of each and `offset` its entry in it; `length`
    is that of each episode in own bars, of which `begin` is the first that may be used.
    """

    rows: IntArray
    of: IntArray
    offset: IntArray
    length: IntArray
    begin: int
    n_free: int


def random_entries(
    holdings: Holdings,
    *,
    cash: float,
    final_equity: float,
    max_drawdown: float,
    seed: int = 0,
    samples: int = SAMPLES,
) -> dict[str, Any]:
    """Return what the same trades at random times would have come to.

    Parameters
    ----------
    holdings : Holdings
    cash, final_equity, max_drawdown : float
        Of the run itself: what the random accounts are compared with.
    seed, samples : int
        The same seed gives the same bits.

    Returns
    -------
    dict
        By `monte_carlo.summary`, over time; and replayed_equity: the final equity by the same
        arithmetic of the trades where they were, so that what the simplification costs is seen.

    Notes
    -----
    Every symbol keeps its number of trades, their lengths, directions and shares of equity, and
    every fill costs what the run's fills cost on average. Trades that overlap are moved together;
    the order of these episodes and the gaps between them are random. Entries and exits are at
    opens. So exposure and cost are those of the run, and only the moments differ.
    """
    document = about_random_entries()
    if holdings.symbol.size == 0:
        return document | {"reason": "The run made no trade."}
    episodes = [_episodes(holdings, s) for s in range(len(holdings.own))]
    if not any(part.n_free > 0 and part.rows.size for part in episodes):
        reason = "The run always held a position: its trades fit nowhere else."
        return document | {"reason": reason}
    places = fan_places(holdings.time.size)
    n_held = int((holdings.leave - holdings.enter).sum())
    samples = affordable_samples(holdings.time.size + n_held, samples)
    rng = np.random.Generator(np.random.PCG64(seed))
    step = max(_CELLS // holdings.symbol.size, 1)
    tiles = []
    for done in range(0, samples, step):
        moved = [_moved(part, min(step, samples - done), rng) for part in episodes]
        tiles.append(_held(holdings, episodes, moved, places))
    at_their_own = [(holdings.enter[p.rows] - p.offset)[None, :] for p in episodes]
    replayed = _held(holdings, episodes, at_their_own, places)
    actual = Accounts(
        value=replayed.value,
        final=np.array([final_equity / cash]),
        depth=np.array([max_drawdown]),
        lowest=replayed.lowest,
    )
    found = summary(joined(tiles), actual, cash=cash, at=holdings.time[places], axis="time")
    return document | found | {"replayed_equity": float(replayed.final[0]) * cash}


def about_random_entries() -> dict[str, Any]:
    """Return what its document says before anything is drawn."""
    return about(
        "random_entries",
        "The same trades at random times",
        "As many trades, as long, as large and as dear as the run's, begun at random bars: what "
        "this exposure earns without any timing.",
    )


def _episodes(holdings: Holdings, s: int) -> _Episodes:
    """Return the episodes of a symbol in order of time."""
    rows = np.flatnonzero(holdings.symbol == s)
    rows = rows[np.argsort(holdings.enter[rows], kind="stable")]
    enter = holdings.enter[rows]
    # A trade of one bar takes that bar.
    end = np.maximum.accumulate(np.maximum(holdings.leave[rows], enter + 1))
    is_new = np.ones(rows.size, np.bool_)
    is_new[1:] = enter[1:] >= end[:-1]
    of = np.cumsum(is_new) - 1
    begins = enter[is_new]
    is_last = np.append(is_new[1:], True)[: rows.size]
    length = end[is_last] - begins
    # The first order is made at the close of bar 0, so bar 1 is the first to enter at; the last
    # bar is the last to leave at, unless the run itself held a position through it.
    n_bars = holdings.own[s].size
    begin = int(enter.min(initial=1))
    n_free = max(n_bars - 1, int(end.max(initial=0))) - begin - int(length.sum())
    return _Episodes(rows, of, enter - begins[of], length, begin, n_free)


def _moved(part: _Episodes, samples: int, rng: np.random.Generator) -> IntArray:
    """Return where the episode of each trade begins, shape (samples, n_trades of the symbol)."""
    n = part.length.size
    order = rng.permuted(np.tile(np.arange(n), (samples, 1)), axis=1)
    gaps = np.sort(rng.integers(0, part.n_free + 1, (samples, n)), axis=1)
    length = part.length[order]
    begins = np.empty((samples, n), np.int64)
    np.put_along_axis(begins, order, part.begin + gaps + np.cumsum(length, axis=1) - length, axis=1)
    return begins[:, part.of]


def _held(
    holdings: Holdings,
    episodes: Sequence[_Episodes],
    begins: Sequence[IntArray],
    places: IntArray,
) -> Accounts:
    """Return the accounts of samples whose episodes begin there."""
    n_bars = holdings.time.size
    enters, leaves, rows = [], [], []
    for own, part, begin in zip(holdings.own, episodes, begins, strict=True):
        bars = np.append(own, n_bars)
        length = (holdings.leave - holdings.enter)[part.rows]
        enters.append(bars[begin + part.offset])
        leaves.append(bars[begin + part.offset + length])
        rows.append(part.rows)
    enter, leave = np.concatenate(enters, axis=1), np.concatenate(leaves, axis=1)
    order = np.argsort(enter, axis=1, kind="stable")
    row = np.concatenate(rows)[order]
    placed = Placed(
        np.take_along_axis(enter, order, axis=1),
        np.take_along_axis(leave, order, axis=1),
        holdings.symbol[row],
        holdings.weight[row],
    )
    n = enter.shape[0]
    out = Measured(np.empty((n, places.size)), np.empty(n), np.empty(n), np.empty(n))
    hold_placed(Prices(holdings.open, holdings.close), placed, holdings.cost, places, out)
    return Accounts(value=out.value, final=out.final, depth=out.depth, lowest=out.lowest)
