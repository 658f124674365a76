"""A naive twin of the simulation, written from the rules F1…F18 of `docs` and from nothing else.

Plain lists and dataclasses, no numpy, no cleverness: slow and easy to read. The compiled engine
must agree with it (`tests/engine/test_twin.py`). It shares only the records of `engine.types`
and the RunConfig with the engine.
"""

from tests.engine.reference.loop import simulate

__all__ = ["simulate"]
