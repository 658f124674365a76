"""Which combinations of a product are tried: all that meet the constraints, or some at random.

A combination is its position in the full product, last axis fastest. Positions are held in
pieces, so neither a product that the constraints thin out nor one too large to be built is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

IndexArray = npt.NDArray[np.int64]
Filter = Callable[[IndexArray], npt.NDArray[np.bool_]]
"""At which of some positions the constraints are met."""

PIECE = 1 << 20
# Of a product too large to be searched, so many draws in vain for each combination that is wanted.
TRIES = 200


def kept(n_product: int, is_kept: Filter) -> Iterator[IndexArray]:
    """Yield the positions of a product that pass a filter, in order, piece by piece."""
    for begin in range(0, n_product, PIECE):
        index = np.arange(begin, min(begin + PIECE, n_product), dtype=np.int64)
        yield index[is_kept(index)]


def drawn(n_product: int, n_wanted: int, seed: int) -> IndexArray:
    """Return so many different positions of a product, each set of them equally likely, in order.

    Memory is that of the result, however large the product is.
    """
    generator = np.random.default_rng(seed)
    return np.sort(generator.choice(n_product, n_wanted, replace=False, shuffle=False))


def drawn_from(index: IndexArray, n_wanted: int, seed: int) -> IndexArray:
    """Return so many of the given positions, in order; all of them when there are no more."""
    if n_wanted >= index.size:
        return index
    return index[drawn(index.size, n_wanted, seed)]


def drawn_until(n_product: int, n_wanted: int, seed: int, is_kept: Filter) -> IndexArray:
    """Return different positions that pass a filter, in order, drawn until there are enough.

    Fewer than `n_wanted` come back when hardly any pass.
    """
    generator = np.random.default_rng(seed)
    found = np.empty(0, dtype=np.int64)
    for _ in range(TRIES):
        index = generator.integers(0, n_product, size=max(n_wanted, 1024), dtype=np.int64)
        found = np.concatenate([found, index[is_kept(index)]])
        # Of one drawn twice the first counts, so that every set stays equally likely.
        first = np.sort(np.unique(found, return_index=True)[1])
        found = found[first]
        if found.size >= n_wanted:
            break
    return np.sort(found[:n_wanted])
