"""The measured points of a sweep: block by block while it runs, as one table when it is done."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from config.sweep import SMALLER_IS_BETTER
from dataapi import frames
from dataapi.services.documents import Document
from dataapi.store import Store, StoredStudy
from engine.sweeps.axes import Points
from engine.sweeps.measuring import COLUMNS, N_TIME_BLOCKS
from engine.sweeps.preparing import SweepBlock
from engine.types import BoolArray, FloatArray, Table

N_TOP = 50
N_LOGIT_BINS = 16
REMEMBERED_SWEEPS = 4
SUMS, SQUARES = "sum", "square"


def encode_block(block: SweepBlock) -> bytes:
    """Return a measured block as it is kept until the sweep is done."""
    sums = {f"{SUMS}_{k}": block.sums[:, k] for k in range(N_TIME_BLOCKS)}
    squares = {f"{SQUARES}_{k}": block.squares[:, k] for k in range(N_TIME_BLOCKS)}
    return frames.encode({**block.columns, **sums, **squares}, compress=True)


class Measured:
    """The points of a sweep as far as they are measured, NaN where they are not.

    Attributes
    ----------
    columns : dict of name to ndarray, shape (n_points,), float64
    sums, squares : ndarray of float64, shape (n_points, 16)
        Σ r and Σ r² in each time block.
    is_done : ndarray of bool, shape (n_points,)
    """

    def __init__(self, n_points: int) -> None:
        self.columns = {name: np.full(n_points, np.nan) for name in COLUMNS}
        self.sums: FloatArray = np.zeros((n_points, N_TIME_BLOCKS))
        self.squares: FloatArray = np.zeros((n_points, N_TIME_BLOCKS))
        self.is_done: BoolArray = np.zeros(n_points, dtype=np.bool_)

    @property
    def n_done(self) -> int:
        """Return how many points are measured."""
        return int(np.count_nonzero(self.is_done))

    def put(self, begin: int, end: int, data: bytes) -> None:
        """Put a block as `encode_block` made it into its place."""
        table = frames.decode(data)
        for name in COLUMNS:
            self.columns[name][begin:end] = table[name]
        for k in range(N_TIME_BLOCKS):
            self.sums[begin:end, k] = table[f"{SUMS}_{k}"]
            self.squares[begin:end, k] = table[f"{SQUARES}_{k}"]
        self.is_done[begin:end] = True

    def sharpe_of(self, blocks: slice, n_returns: FloatArray, rate: float) -> FloatArray:
        """Return each point's Sharpe ratio a period in some of the time blocks; NaN if none.

        Parameters
        ----------
        blocks : slice
        n_returns : ndarray, shape (16,)
        rate : float
            Risk-free rate a period.
        """
        n = float(n_returns[blocks].sum())
        total, square = self.sums[:, blocks].sum(axis=1), self.squares[:, blocks].sum(axis=1)
        with np.errstate(all="ignore"):
            variance = (square - total * total / n) / (n - 1.0)
            # Below this share of the mean square a variance is rounding.
            has_spread = self.is_done & (n > 1.0) & (variance > 1e-12 * square / n)
            return np.where(has_spread, (total / n - rate) / np.sqrt(variance), np.nan)


class Filling:
    """The unfinished sweeps that were asked about last: of each only new blocks are read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int, int], tuple[Measured, set[int]]] = OrderedDict()

    def measured(self, store: Store, stored: StoredStudy) -> Measured:
        """Return the points of a sweep as far as its job has come."""
        job = store.jobs.find("sweep", stored.id)
        if job is None:
            return Measured(stored.n_points)
        # A number that a deleted job had may be given again.
        key = (stored.id, stored.created_ms, job.id)
        edges = [*stored.document["hidden"]["blocks"], stored.n_points]
        with self._lock:
            measured, seen = self._known.pop(key, (Measured(stored.n_points), set()))
            for i_block, data in store.jobs.blocks(job.id, known=seen).items():
                measured.put(edges[i_block], edges[i_block + 1], data)
                seen.add(i_block)
            self._known[key] = (measured, seen)
            while len(self._known) > REMEMBERED_SWEEPS:
                self._known.popitem(last=False)
        return measured


def ranking(values: FloatArray, objective: str, n_best: int) -> list[int]:
    """Return the places of the best values, the best first; of equal ones the earlier.

    NaN is never among the best.
    """
    known = np.flatnonzero(np.isfinite(values))
    goodness = values[known] if objective in SMALLER_IS_BETTER else -values[known]
    if known.size > n_best:
        # So many and whatever equals the last of them; the order is settled below.
        limit = np.partition(goodness, n_best - 1)[n_best - 1]
        known, goodness = known[goodness <= limit], goodness[goodness <= limit]
    found: list[int] = known[np.argsort(goodness, kind="stable")][:n_best].tolist()
    return found


def logit_histogram(logits: FloatArray) -> Document:
    """Return in how many splits the in-sample best ended how far from the median out of sample.

    Parameters
    ----------
    logits : ndarray of float64, shape (n_splits,)
        ln(ω / (1 − ω)) of its rank ω; 0 is the median, and counts as no better.

    Returns
    -------
    dict
        edges (symmetric, zero among them) and counts of the bins, each with its upper edge.
    """
    reach = max(float(np.abs(logits).max(initial=0.0)), 1.0)
    edges = np.linspace(-reach, reach, N_LOGIT_BINS + 1)
    # numpy's bins have their lower edge: mirrored, they have the upper one.
    counts, _ = np.histogram(-logits, bins=edges)
    return {"edges": edges.tolist(), "counts": counts[::-1].tolist()}


def point_document(points: Points, columns: Mapping[str, Any], i: int) -> Document:
    """Return one point: its place, its parameters, its metrics."""
    metrics = {name: columns[name][i].item() for name in COLUMNS}
    metrics["trades"] = int(metrics["trades"])
    return {"index": i, "params": points.params(i), "metrics": metrics}


def point_table(points: Points, columns: Mapping[str, FloatArray]) -> Table:
    """Return the points as one table: parameters, then metrics; trades are whole when all are."""
    table = {**points.columns, **columns}
    if not np.isnan(table["trades"]).any():
        table["trades"] = table["trades"].astype(np.int64)
    return table
