"""From tokens to the syntax tree: a recursive-descent parser of executable GraphQL.

Runs on a cache miss only. It knows grammar and nothing of any schema; type-system definitions are refused.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from towpath_read_engine import document as ast
from towpath_read_engine.errors import DialectCode, ReadError, invalid
from towpath_read_engine.lexing import LIFTED, LexedDocument, not_graphql

_T = TypeVar("_T")
_OPERATIONS = ("query", "mutation", "subscription")


def parse(lexed: LexedDocument) -> ast.Document:
    """The tree of a document.

    Raises:
        ReadError: it is not an executable GraphQL document.
    """
    return _Parser(lexed.tokens).document()


def choose(tree: ast.Document, name: str | None) -> ast.Operation:
    """The operation that a request means.

    Raises:
        ReadError: there is none of that name, or there are several and no name; or it defines a variable twice.
    """
    operations = tree.operations
    if name:
        if not (name.isascii() and name.isidentifier()):
            raise ReadError(DialectCode.PARSE_FAILED, f"{name} is not valid GraphQL name", "$.operationName")
        if any(item.name is None for item in operations):
            raise invalid("operationName cannot be used when an anonymous operation exists in the document")
        operations = tuple(item for item in operations if item.name == name)
        if not operations:
            raise invalid(f'no such operation found in the document: "{name}"')
    elif len(operations) > 1:
        raise invalid("exactly one operation has to be present in the document when operationName is not specified")
    names = [item.name for item in operations[0].variables]
    for repeated in sorted({name for name in names if names.count(name) > 1}):
        raise ReadError(DialectCode.PARSE_FAILED, f'multiple definitions for variable "{repeated}"')
    return operations[0]


class _Parser:
    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._lifted = 0

    def document(self) -> ast.Document:
        operations: list[ast.Operation] = []
        fragments: dict[str, ast.Fragment] = {}
        while self._peek():
            if self._peek() == "fragment":
                fragment = self._fragment()
                if fragment.name in fragments:
                    raise ReadError(DialectCode.PARSE_FAILED, f'multiple definitions for fragment "{fragment.name}"')
                fragments[fragment.name] = fragment
            else:
                operations.append(self._operation())
        if not operations:
            raise not_graphql()
        return ast.Document(tuple(operations), fragments)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise not_graphql()
        self._at += 1
        return token

    def _take(self, wanted: str) -> bool:
        if self._peek() == wanted:
            self._at += 1
            return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise not_graphql()

    def _name(self) -> str:
        token = self._next()
        if not token.isidentifier():
            raise not_graphql()
        return token

    def _many(self, end: str, item: Callable[[], _T]) -> tuple[_T, ...]:
        items = [item()]
        while not self._take(end):
            items.append(item())
        return tuple(items)

    def _operation(self) -> ast.Operation:
        if self._peek() == "{":
            return ast.Operation("query", None, (), (), self._selections())
        kind = self._next()
        if kind not in _OPERATIONS:
            raise not_graphql()
        name = self._name() if self._peek().isidentifier() else None
        variables = self._many(")", self._variable_definition) if self._take("(") else ()
        return ast.Operation(kind, name, variables, self._directives(), self._selections())

    def _fragment(self) -> ast.Fragment:
        self._expect("fragment")
        name = self._name()
        self._expect("on")
        on = self._name()
        self._directives()
        return ast.Fragment(name, on, self._selections())

    def _variable_definition(self) -> ast.VariableDefinition:
        self._expect("$")
        name = self._name()
        self._expect(":")
        type_ = self._type()
        default = self._value() if self._take("=") else None
        self._directives()
        return ast.VariableDefinition(name, type_, default)

    def _type(self) -> ast.TypeReference:
        if self._take("["):
            of = self._type()
            self._expect("]")
            return ast.TypeReference(required=self._take("!"), of=of)
        name = self._name()
        return ast.TypeReference(required=self._take("!"), name=name)

    def _selections(self) -> tuple[ast.Selection, ...]:
        self._expect("{")
        return self._many("}", self._selection)

    def _selection(self) -> ast.Selection:
        if self._take("..."):
            if self._peek().isidentifier() and self._peek() != "on":
                return ast.FragmentSpread(self._name(), self._directives())
            on = self._name() if self._take("on") else None
            return ast.InlineFragment(on, self._directives(), self._selections())
        name = key = self._name()
        if self._take(":"):
            name = self._name()
        arguments = self._arguments()
        directives = self._directives()
        return ast.Field(key, name, arguments, directives, self._selections() if self._peek() == "{" else None)

    def _arguments(self) -> tuple[tuple[str, ast.Value], ...]:
        return self._named_values(")") if self._take("(") else ()

    def _named_values(self, end: str) -> tuple[tuple[str, ast.Value], ...]:
        """Arguments, or the members of an object; no name comes twice."""
        found = self._many(end, self._named_value)
        if len({name for name, _ in found}) != len(found):
            raise not_graphql()
        return found

    def _named_value(self) -> tuple[str, ast.Value]:
        name = self._name()
        self._expect(":")
        return name, self._value()

    def _directives(self) -> tuple[ast.Directive, ...]:
        directives: list[ast.Directive] = []
        while self._take("@"):
            directives.append(ast.Directive(self._name(), self._arguments()))
        return tuple(directives)

    def _value(self) -> ast.Value:
        token = self._next()
        if token == LIFTED:
            self._lifted += 1
            return ast.Lifted(self._lifted - 1)
        if token == "$":
            return ast.Variable(self._name())
        if token == "[":
            return ast.ListValue(self._many("]", self._value))
        if token == "{":
            return ast.ObjectValue(() if self._take("}") else self._named_values("}"))
        if token in ("true", "false"):
            return ast.BooleanValue(token == "true")
        if token == "null":
            return ast.NullValue()
        if not token.isidentifier():
            raise not_graphql()
        return ast.EnumValue(token)
