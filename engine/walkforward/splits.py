"""Which bars choose and which are traded: windows that move on, folds, and choices of folds.

A span is a half-open range of bars of the run. In every split the spans of `train` choose the
parameters and those of `test` are traded with them; none of the former reaches into the latter.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from config.sweep import WalkForwardConfig
from engine.errors import InvalidParameterError
from engine.types import IntArray

MAX_SPLITS = 1000
"""Each is a sweep of its own."""
MIN_TRAIN_BARS = 2
"""A shorter span has no return to choose by."""


class Span(NamedTuple):
    """The bars from `begin` on, before `end`."""

    begin: int
    end: int

    @property
    def n_bars(self) -> int:
        """Return how many bars there are."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Split:
    """One choice of parameters: the spans that choose, and those that are traded with it.

    `folds` are the numbers of the test spans among the folds, () for windows; `is_short` marks a
    last window with fewer out-of-sample bars than asked for.
    """

    i: int
    train: tuple[Span, ...]
    test: tuple[Span, ...]
    folds: tuple[int, ...] = ()
    is_short: bool = False


def splits_of(n_bars: int, config: WalkForwardConfig) -> tuple[Split, ...]:
    """Return the splits that a configuration asks for, on a run of so many bars."""
    if config.method != "walk_forward":
        return combinatorial_splits(
            n_bars, config.n_folds, config.n_test_folds, purge=config.purge, embargo=config.embargo
        )
    in_sample, out_of_sample = config.in_sample or 0, config.out_of_sample or 0
    return windows(n_bars, in_sample, out_of_sample, config.anchored)


def windows(
    n_bars: int, in_sample: int, out_of_sample: int, anchored: bool = False
) -> tuple[Split, ...]:
    """Return the windows of a walk-forward, which moves on by the out-of-sample bars.

    Parameters
    ----------
    n_bars : int
        Of the run.
    in_sample, out_of_sample : int
        Bars that choose, at least 2, and bars that are traded with it, at least 1.
    anchored : bool
        Every in-sample window begins at bar 0 and grows; else it moves along.

    Returns
    -------
    tuple of Split
        Every bar from `in_sample` on is traded exactly once: the last window takes the bars that
        are left, be they fewer than `out_of_sample` (`is_short`).

    Raises
    ------
    InvalidParameterError
        If a window is too short, the first one is longer than the run, or there are more than
        1,000.

    Examples
    --------
    >>> [(s.train[0][:], s.test[0][:]) for s in windows(10, 4, 4)]
    [((0, 4), (4, 8)), ((4, 8), (8, 10))]
    >>> [s.train[0][:] for s in windows(10, 4, 4, anchored=True)]
    [(0, 4), (0, 8)]
    """
    if in_sample < MIN_TRAIN_BARS:
        raise InvalidParameterError(f"Expected in_sample ≥ 2, was {in_sample}.", field="in_sample")
    if out_of_sample < 1:
        raise InvalidParameterError(
            f"Expected out_of_sample ≥ 1, was {out_of_sample}.", field="out_of_sample"
        )
    if in_sample + out_of_sample > n_bars:
        raise InvalidParameterError(
            f"The first window needs {in_sample:,} + {out_of_sample:,} bars and the run has "
            f"{n_bars:,}: take shorter windows, or more data.",
            field="in_sample",
        )
    begins = range(in_sample, n_bars, out_of_sample)
    if len(begins) > MAX_SPLITS:
        raise InvalidParameterError(
            f"{len(begins):,} windows, each a sweep of its own, are more than {MAX_SPLITS:,}: "
            f"take out_of_sample ≥ {-(-(n_bars - in_sample) // MAX_SPLITS)}.",
            field="out_of_sample",
        )
    return tuple(
        Split(
            i,
            train=(Span(0 if anchored else begin - in_sample, begin),),
            test=(Span(begin, min(begin + out_of_sample, n_bars)),),
            is_short=begin + out_of_sample > n_bars,
        )
        for i, begin in enumerate(begins)
    )


def combinatorial_splits(
    n_bars: int, n_folds: int, n_test_folds: int, *, purge: int = 0, embargo: int = 0
) -> tuple[Split, ...]:
    """Return every choice of test folds among the folds, each with the purged rest to choose by.

    Parameters
    ----------
    n_bars : int
        Of the run; the folds are as equal as possible.
    n_folds, n_test_folds : int
        1 test fold is purged k-fold, each fold once; more are combinatorial cross-validation.
    purge : int
        Bars left out of the training folds on both sides of a test fold: as many as a position is
        held, so that no trade reaches from one into the other.
    embargo : int
        Bars left out behind a test fold in addition, for what the market remembers longer.

    Returns
    -------
    tuple of Split
        In the order of the combinations; neighbouring folds of training are one span, neighbouring
        test folds stay apart.

    Raises
    ------
    InvalidParameterError
        If there are more folds than bars for them, more than 1,000 choices, or nothing is left to
        choose by.

    References
    ----------
    .. [1] López de Prado (2018), Advances in Financial Machine Learning, sections 7.4 (purging and
       embargo) and 12.4 (combinatorial purged cross-validation).

    Examples
    --------
    >>> (first, *_) = combinatorial_splits(12, 4, 1, purge=1, embargo=1)
    >>> first.train, first.test
    ((Span(begin=5, end=12),), (Span(begin=0, end=3),))
    """
    _refuse_folds(n_bars, n_folds, n_test_folds, purge, embargo)
    edges = [k * n_bars // n_folds for k in range(n_folds + 1)]
    folds = [Span(a, b) for a, b in itertools.pairwise(edges)]
    found = []
    for i, chosen in enumerate(itertools.combinations(range(n_folds), n_test_folds)):
        train = _purged(folds, chosen, purge, embargo)
        if not train:
            raise InvalidParameterError(
                f"With purge {purge} and embargo {embargo} nothing is left to choose by beside the "
                f"test folds {', '.join(str(k + 1) for k in chosen)} of {n_folds}: a fold has "
                f"{n_bars // n_folds} bars.",
                field="purge",
            )
        found.append(Split(i, train, tuple(folds[k] for k in chosen), chosen))
    return tuple(found)


def _refuse_folds(n_bars: int, n_folds: int, n_test_folds: int, purge: int, embargo: int) -> None:
    if not 1 <= n_test_folds < n_folds:
        raise InvalidParameterError(
            f"Expected 1 ≤ n_test_folds < n_folds, was {n_test_folds} of {n_folds}.",
            field="n_test_folds",
        )
    for name, value in (("purge", purge), ("embargo", embargo)):
        if value < 0:
            raise InvalidParameterError(f"Expected {name} ≥ 0, was {value}.", field=name)
    if n_bars < MIN_TRAIN_BARS * n_folds:
        raise InvalidParameterError(
            f"{n_folds} folds of at least {MIN_TRAIN_BARS} bars are more than the run's {n_bars}.",
            field="n_folds",
        )
    n_splits = math.comb(n_folds, n_test_folds)
    if n_splits > MAX_SPLITS:
        raise InvalidParameterError(
            f"{n_test_folds} of {n_folds} folds can be chosen in {n_splits:,} ways, each a sweep "
            f"of its own; at most {MAX_SPLITS:,} are done.",
            field="n_folds",
        )


def _purged(
    folds: list[Span], chosen: tuple[int, ...], purge: int, embargo: int
) -> tuple[Span, ...]:
    """Return the spans between the chosen folds without what lies too close to them."""
    walls = [-1, *chosen, len(folds)]
    spans = []
    for before, after in itertools.pairwise(walls):
        if after - before < 2:
            continue
        begin, end = folds[before + 1].begin, folds[after - 1].end
        if before >= 0:
            begin += purge + embargo
        if after < len(folds):
            end -= purge
        if end - begin >= MIN_TRAIN_BARS:
            spans.append(Span(begin, end))
    return tuple(spans)


def paths(n_folds: int, n_test_folds: int) -> IntArray:
    """Return of which split each path takes each fold.

    Every fold is tested in φ = C(N, k) · k / N splits, so φ paths can be put together in which
    every fold was tested once; path j takes of each fold the j-th split that tests it.

    Returns
    -------
    ndarray of int64, shape (n_paths, n_folds)

    References
    ----------
    .. [1] López de Prado (2018), Advances in Financial Machine Learning, section 12.4.1.

    Examples
    --------
    >>> paths(4, 2).tolist()
    [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
    """
    tested: list[list[int]] = [[] for _ in range(n_folds)]
    for i, chosen in enumerate(itertools.combinations(range(n_folds), n_test_folds)):
        for fold in chosen:
            tested[fold].append(i)
    return np.array(tested, dtype=np.int64).T
