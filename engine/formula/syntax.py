"""From a formula's text to its tokens and its syntax tree, within fixed limits.

The text is Python expression syntax. It is cut into tokens by our own rules first, so that
nothing that the language does not have ever reaches Python's parser, and so that neither a deep
nor a giant text can exhaust it.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, cast

from engine.errors import InvalidFormulaError

MAX_CHARACTERS = 4_000
MAX_TOKENS = 500
MAX_DEPTH = 100

TokenKind = Literal["name", "number", "text", "operator"]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"[ !\x23-\x5b\x5d-~]*"|'[ -\x26\x28-\x5b\x5d-~]*')
      | (?P<operator>\*\*|//|<=|>=|==|!=|&&|\|\||:=|[-+*/%()\[\],<>=&|~!^.:;@?{}\#])""",
    re.VERBOSE,
)

_FOREIGN = {
    "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not", "~": "not", "^": "**",
    "=": "==", ":=": "==", "//": "/",
}  # fmt: skip
"""Operators of other languages, with what they are called here."""

_WORDS = frozenset({"and", "or", "not"})

_REFUSED = {
    ".": "Attributes (a dot after a name) are not part of formulas.",
    "#": "Comments are not part of formulas.",
    "{": "Braces are not part of formulas.",
    "}": "Braces are not part of formulas.",
    ":": "A colon (slice, lambda) is not part of formulas; `x[k]` is k bars ago.",
    ";": "One field holds one expression; `;` is not part of formulas.",
    "@": "`@` is not part of formulas.",
    "?": "`?` is not part of formulas; combine conditions with `and`, `or`.",
    "if": "Conditional expressions are not part of formulas; combine conditions with `and`, `or`.",
    "for": "Comprehensions are not part of formulas.",
}

_LOOKALIKE = {"≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula: `text[start:end]`."""

    kind: TokenKind
    start: int
    end: int
    text: str


def tokenize(text: str) -> list[Token]:
    """Cut a formula into tokens.

    Raises
    ------
    InvalidFormulaError
        With the position of the first character that no formula may have, or when the text is
        empty, longer than `MAX_CHARACTERS` or has more than `MAX_TOKENS` tokens.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidFormulaError(
            f"Expected at most {MAX_CHARACTERS} characters, was {len(text)}.",
            position=MAX_CHARACTERS,
        )
    tokens: list[Token] = []
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() > position:
            break
        position = match.end()
        tokens += _token(match)
    if position < len(text):
        raise _unexpected_character(text, position)
    if not tokens:
        raise InvalidFormulaError("Expected an expression, the text is empty.", position=0)
    if len(tokens) > MAX_TOKENS:
        raise InvalidFormulaError(
            f"Expected at most {MAX_TOKENS} names, numbers and operators, was {len(tokens)}.",
            position=tokens[MAX_TOKENS].start,
        )
    return tokens


def parse(text: str) -> ast.expr:
    """Return the syntax tree of a formula; its column offsets are positions in `text`.

    Raises
    ------
    InvalidFormulaError
        With the position, when the text is not an expression of the language's syntax, or is
        nested deeper than `MAX_DEPTH`.
    """
    tokens = tokenize(text)
    for token, following in zip_longest(tokens, tokens[1:]):
        _check_token(token, following)
    line = re.sub(r"[\t\r\n]", " ", text)
    indent = len(line) - len(line.lstrip(" "))
    try:
        tree = ast.parse(line[indent:], mode="eval").body
    except SyntaxError as error:
        # Python reports the end of the text as column 0.
        position = indent + error.offset - 1 if error.offset else len(text)
        raise InvalidFormulaError(_syntax_message(error), position=position) from None
    except (RecursionError, MemoryError):
        raise _too_deep(0) from None
    _check_depth(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.col_offset += indent
    return tree


def scan(text: str) -> list[Token]:
    """Return the tokens of a text that need not be a formula, leaving out what is none."""
    return [token for match in _TOKEN.finditer(text) for token in _token(match)]


def _token(match: re.Match[str]) -> list[Token]:
    """Return the match as a token; none for white space. The words and, or, not are operators."""
    kind = "operator" if match.group() in _WORDS else match.lastgroup
    if kind == "space":
        return []
    return [Token(cast(TokenKind, kind), match.start(), match.end(), match.group())]


def _unexpected_character(text: str, position: int) -> InvalidFormulaError:
    character = text[position]
    plain = _LOOKALIKE.get(character) or unicodedata.normalize("NFKC", character)
    name = "a NUL byte" if character == "\0" else f"{character!r}"
    return InvalidFormulaError(
        f"Unexpected character {name}: formulas are written in plain ASCII.",
        position=position,
        suggestion=plain
        if plain.isascii() and plain.isprintable() and plain != character
        else None,
    )


def _check_token(token: Token, following: Token | None) -> None:
    """Refuse what Python's syntax has and formulas do not, by its own name."""
    if token.kind == "operator" and token.text in _FOREIGN:
        raise InvalidFormulaError(
            f"`{token.text}` is not an operator of formulas.",
            position=token.start,
            suggestion=_FOREIGN[token.text],
        )
    if token.text in _REFUSED or (keyword.iskeyword(token.text) and token.text not in _WORDS):
        reason = _REFUSED.get(token.text, f"`{token.text}` is not part of formulas.")
        raise InvalidFormulaError(reason, position=token.start)
    if following is None or following.start > token.end:
        return
    if token.kind == "number" and (following.text[0].isalnum() or following.text[0] == "_"):
        raise InvalidFormulaError(
            "Expected an operator between a number and what follows.", position=token.end
        )


def _check_depth(tree: ast.expr) -> None:
    """Refuse a deeply nested tree before anything walks it by recursion."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise _too_deep(next((n.col_offset for n in level if isinstance(n, ast.expr)), 0))


def _too_deep(position: int) -> InvalidFormulaError:
    return InvalidFormulaError(
        f"The expression is nested too deeply (at most {MAX_DEPTH} levels).", position=position
    )


def _syntax_message(error: SyntaxError) -> str:
    """Return a sentence for Python's message."""
    if error.msg == "invalid syntax":
        return "This is not an expression: something is missing or superfluous here."
    return f"This is not an expression: {error.msg}."
