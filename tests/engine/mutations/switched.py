"""Faults in kernels, compiled in together behind a switch: the broker is compiled once for all.

Each faulty statement becomes `if switch() == 3: faulty` `else: right`, the condition of an `if`
or the range of a `for` becomes `faulty if switch() == 3 else right`. Switch 0 is the right code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.engine.mutations.mutants import Mutant

SWITCH = '''"""Which fault is on: an int64 that the tests set and the kernels read."""

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

NUMBER = np.zeros(1, np.int64)
ADDRESS = NUMBER.ctypes.data


@intrinsic
def switch(typing_context):
    def generate(context, builder, signature, arguments):
        place = context.get_constant(types.int64, ADDRESS)
        pointer = builder.inttoptr(place, context.get_value_type(types.int64).as_pointer())
        return builder.load(pointer)

    return types.int64(), generate
'''
IMPORT = "from __future__ import annotations\n"


def build_in(mutants: Iterable[tuple[int, Mutant]], copy: Path) -> None:
    """Put the numbered faults into the kernels of a copy of the checkout."""
    (copy / "engine/kernels/switch.py").write_text(SWITCH)
    by_file: dict[str, list[tuple[int, Mutant]]] = {}
    for number, mutant in mutants:
        by_file.setdefault(mutant.file, []).append((number, mutant))
    for name, own in by_file.items():
        path = copy / name
        text = switched(path.read_text(), own)
        text = text.replace(IMPORT, IMPORT + "\nfrom engine.kernels.switch import switch\n", 1)
        path.write_text(text)


def switched(source: str, mutants: Iterable[tuple[int, Mutant]]) -> str:
    """Return the source of a module with all faults in it, each behind its number."""
    edits = [_edit(source, number, mutant) for number, mutant in mutants]
    for begin, end, text in sorted(edits, reverse=True):
        source = source[:begin] + text + source[end:]
    return source


def _edit(source: str, number: int, mutant: Mutant) -> tuple[int, int, str]:
    """Return (begin, end, new text) of the statement or condition that holds a mutant."""
    at = source.index(mutant.text)
    first = at + len(mutant.text) - len(mutant.text.lstrip())
    begin, end, is_statement = _narrowest(source, first, at + len(mutant.text.rstrip()))
    right = source[begin:end]
    # A mutant may begin in the indentation and end behind the line.
    wrong = right.replace(mutant.text.strip(), mutant.fault.strip())
    if not is_statement:
        return begin, end, f"(({wrong}) if switch() == {number} else ({right}))"
    indent = " " * (begin - source.rindex("\n", 0, begin) - 1)
    parts = (wrong.strip() or "pass", right)
    inner = [part.replace("\n", "\n    ") for part in parts]
    head = (
        f"if switch() == {number}:\n{indent}    {inner[0]}\n{indent}else:\n{indent}    {inner[1]}"
    )
    return begin, end, head


def _narrowest(source: str, begin: int, end: int) -> tuple[int, int, bool]:
    """Return the simple statement around a span of text, or the condition of a compound one."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line.decode()))
    found: list[tuple[int, int, bool]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If | ast.While):
            inner: ast.AST = node.test
        elif isinstance(node, ast.For):
            inner = node.iter
        elif isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            inner = node
        else:
            continue
        a = starts[inner.lineno - 1] + inner.col_offset
        b = starts[inner.end_lineno - 1] + inner.end_col_offset
        if a <= begin and end <= b:
            found.append((b - a, a, inner is node))
    if not found:
        raise ValueError(f"No statement holds {source[begin:end]!r} alone.")
    size, a, is_statement = min(found)
    return a, a + size, is_statement
