"""From document text to tokens in one pass, lifting literals out.

The pass does two jobs at once because it runs on the hot path: it makes the *normalised* text, in which white space,
comments and commas are gone and every literal string, number and list of such is one mark, and it collects the values
of those literals. Two documents with the same normalised text share everything that is cached. Booleans, null and
enum words stay, for they change the statement.

It refuses what cannot be a token and what nests too deep; grammar is the parser's work.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from towpath_read_engine.errors import ReadError, invalid

# The repetitions are possessive, for one that can step back keeps a place for each of a million turns.
_STRING = r'"(?!"")(?:[^"\\\n\r]++|\\.)*+"'
_BLOCK = r'"""(?:\\"""|[^"\\]++|\\|"(?!""))*+"""'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![_A-Za-z0-9.])"
_SKIP = r"(?:[\s,\ufeff]++|\#[^\n\r]*+)*+"
_TOKEN = re.compile(
    rf"{_SKIP}(?:([_A-Za-z][_0-9A-Za-z]*)|([!$()=@{{|}}:\]&]|\.\.\.)|(\[{_SKIP}(?:(?:{_BLOCK}|{_STRING}|{_NUMBER}){_SKIP})*+\])"
    rf"|(\[)|({_BLOCK}|{_STRING}|{_NUMBER})|(\Z))"
)
_ITEM = re.compile(rf"{_SKIP}({_BLOCK}|{_STRING}|{_NUMBER})")
_NAME, _PUNCTUATOR, _LITERAL_LIST, _BRACKET, _LITERAL, _END = range(1, 7)
_BLOCK_LINES = re.compile(r"\r\n|\n|\r")
_WIDE_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}")

LIFTED = '"'
"""The text of the token that stands for a lifted literal; no real token has it."""

MAX_NESTING = 100
MAX_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class LexedDocument:
    """The tokens' texts, the normalised text that is a cache key, and the literals in order."""

    tokens: tuple[str, ...]
    normalised: str
    literals: tuple[Any, ...]


def lex(text: str) -> LexedDocument:
    """Cut a document into tokens and lift its literals.

    Raises:
        ReadError: the text is not GraphQL, has too many tokens, or nests too deep.
    """
    tokens: list[str] = []
    literals: list[Any] = []
    position = depth = 0
    match_at = _TOKEN.match
    while True:
        match = match_at(text, position)
        if match is None:
            raise not_graphql()
        position = match.end()
        kind = match.lastindex
        if kind == _END:
            break
        if kind == _LITERAL:
            literals.append(_value(match[_LITERAL]))
            tokens.append(LIFTED)
        elif kind == _LITERAL_LIST:
            literals.append([_value(item[1]) for item in _ITEM.finditer(match[_LITERAL_LIST], 1)])
            tokens.append(LIFTED)
        else:
            token = match[kind or 0]
            if token in "{[(":
                depth += 1
                if depth > MAX_NESTING:
                    raise invalid(f"the document nests deeper than {MAX_NESTING} levels", "$.query")
            elif token in "}])":
                depth -= 1
            tokens.append(token)
        if len(tokens) > MAX_TOKENS:
            raise invalid(f"the document has more than {MAX_TOKENS} tokens; use variables, or ask for less at once", "$.query")
    return LexedDocument(tuple(tokens), " ".join(tokens), tuple(literals))


def not_graphql() -> ReadError:
    """The one answer to text that does not parse."""
    return invalid("not a valid graphql query", "$.query")


def _value(text: str) -> Any:
    if text.startswith('"""'):
        return _block(text[3:-3].replace('\\"""', '"""'))
    if text.startswith('"'):
        if "\\" not in text:
            return text[1:-1]
        try:
            return json.loads(_WIDE_ESCAPE.sub(_wide, text), strict=False)
        except ValueError:
            raise not_graphql() from None
    if text.lstrip("-").isdigit():
        if len(text) > 400:
            raise not_graphql()
        return int(text)
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent beyond any decimal
        raise not_graphql() from None


def _wide(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    if code > 0x10FFFF:
        raise not_graphql()
    return json.dumps(chr(code))[1:-1]


def _block(text: str) -> str:
    """The value of a block string: common indentation and blank first and last lines removed, as the GraphQL spec says."""
    lines = _BLOCK_LINES.split(text)
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines[1:] if line.strip(" \t")]
    cut = min(indents, default=0)
    lines = [lines[0], *(line[cut:] for line in lines[1:])]
    while lines and not lines[0].strip(" \t"):
        lines.pop(0)
    while lines and not lines[-1].strip(" \t"):
        lines.pop()
    return "\n".join(lines)
