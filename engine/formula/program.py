"""What is to be computed on bars: nodes in order, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.formula.fusion import Tree
from engine.formula.nodes import OWN, Context, Node


@dataclass(frozen=True, slots=True)
class Program:
    """Nodes in an order in which each comes after those it reads, and what is wanted of them.

    Attributes
    ----------
    outputs : mapping of name to node index
    known : mapping of name to node indices
        More outputs: true where none of these nodes reads a NaN.
    guards : mapping of an output's name to node indices
        That condition is false where one of these nodes reads a NaN.
    """

    nodes: tuple[Node, ...]
    outputs: Mapping[str, int]
    guards: Mapping[str, tuple[int, ...]]
    known: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_free_of_scale(self) -> bool:
        """Whether every output is a power of the price unit, so that adjusting once is exact."""
        return all(self.nodes[i].own_scale is not None for i in self.outputs.values()) and all(
            self.nodes[i].own_scale is not None for guard in self.guards.values() for i in guard
        )

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The contexts of its nodes besides its own, each after the one that it is joined to."""
        return tuple(sorted({node.context for node in self.nodes} - {OWN}))


def needed_nodes(
    nodes: tuple[Node, ...], wanted: Iterable[int], trees: Mapping[int, Tree] | None = None
) -> list[int]:
    """Return the indices of the nodes that these nodes read, themselves included, in order."""
    needed = set(wanted)
    for index in range(len(nodes) - 1, -1, -1):
        if index in needed:
            tree = (trees or {}).get(index)
            needed.update(nodes[index].args if tree is None else tree.leaves)
    return sorted(needed)
