"""Which hosts the lab has: one that does everything, or production in small."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topology:
    """Hosts of an inventory under `ansible/inventories/`.

    Attributes
    ----------
    inventory : str
        Name of the inventory.
    addresses : dict
        Address by name of the host.
    public : str
        Where visitors arrive; with two balancers the address that both can take.
    balancers, dashboards, apis, database : tuple of str, or str
        Names of hosts.
    """

    inventory: str
    addresses: dict[str, str]
    public: str
    balancers: tuple[str, ...]
    dashboards: tuple[str, ...]
    apis: tuple[str, ...]
    database: str


SINGLE = Topology(
    inventory="lab-single",
    addresses={"h1": "10.77.0.11"},
    public="10.77.0.11",
    balancers=("h1",),
    dashboards=("h1",),
    apis=("h1",),
    database="h1",
)
PRODUCTION = Topology(
    inventory="lab",
    addresses={
        "b1": "10.77.0.21",
        "b2": "10.77.0.22",
        "d1": "10.77.0.31",
        "d2": "10.77.0.32",
        "a1": "10.77.0.41",
        "a2": "10.77.0.42",
        "p1": "10.77.0.51",
    },
    public="10.77.0.20",
    balancers=("b1", "b2"),
    dashboards=("d1", "d2"),
    apis=("a1", "a2"),
    database="p1",
)
TOPOLOGIES = {topology.inventory: topology for topology in (SINGLE, PRODUCTION)}
