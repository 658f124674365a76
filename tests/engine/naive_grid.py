"""Neighbours on a grid and the Pareto front again in plain Python, one combination at a time."""

import statistics


def neighbours(combinations, axes, i):
    """Positions of the combinations one value away from the i-th along one numeric axis."""
    found = []
    for name, values in axes.items():
        if isinstance(values[0], str):
            continue
        ordered = sorted(values)
        at = ordered.index(combinations[i][name])
        for other in (at - 1, at + 1):
            if 0 <= other < len(ordered):
                wanted = {**combinations[i], name: ordered[other]}
                found += [j for j, one in enumerate(combinations) if one == wanted]
    return found


def scores(combinations, axes, values):
    """Median, smallest value and number of known neighbours of each; None where unknown."""
    found = []
    for i, own in enumerate(values):
        around = [values[j] for j in neighbours(combinations, axes, i) if values[j] is not None]
        if own is None:
            found.append((None, None, len(around)))
        else:
            every = [own, *around]
            found.append((statistics.median(every), min(every), len(around)))
    return found


def front(pairs):
    """Positions that no other pair equals or beats in both; of equal pairs the first."""
    kept = []
    for i, (r, d) in enumerate(pairs):
        if not any(
            (r2 >= r and d2 >= d and (r2, d2) != (r, d)) or ((r2, d2) == (r, d) and j < i)
            for j, (r2, d2) in enumerate(pairs)
        ):
            kept.append(i)
    return sorted(kept, key=lambda i: -pairs[i][0])
