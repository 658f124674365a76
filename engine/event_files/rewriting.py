"""A file's functions as they are run: with every turn of a loop counted.

Each function gets a first argument `_call`, which is passed on in every call of one by another;
every loop begins its turn with `_tick(_call)`, which raises when too many have been made.
"""

from __future__ import annotations

import ast
from types import CodeType

from engine.event_files.reading import functions_of, parse


def counted(text: str, name: str) -> CodeType:
    """Return the code of a file with its loops counted and without its decorators."""
    tree = parse(text, name)
    functions = functions_of(tree)
    for function in functions.values():
        function.decorator_list = []
        function.args.args.insert(0, ast.arg("_call"))
        _Counting(set(functions)).visit_body(function)
    return compile(ast.fix_missing_locations(tree), file_name(name), "exec", dont_inherit=True)


def file_name(name: str) -> str:
    """Return the file name that a strategy's code carries."""
    return f"<{name}.py>"


class _Counting(ast.NodeTransformer):
    def __init__(self, functions: set[str]) -> None:
        self._functions = functions

    def visit_body(self, function: ast.FunctionDef) -> None:
        function.body = [self.visit(statement) for statement in function.body]

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.body.insert(0, ast.copy_location(ast.Expr(_tick()), node))
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.body.insert(0, ast.copy_location(ast.Expr(_tick()), node))
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs.insert(0, ast.copy_location(_tick(), node.target))
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in self._functions:
            node.args.insert(0, ast.copy_location(ast.Name("_call", ast.Load()), node))
        return node


def _tick() -> ast.Call:
    return ast.Call(ast.Name("_tick", ast.Load()), [ast.Name("_call", ast.Load())], [])
