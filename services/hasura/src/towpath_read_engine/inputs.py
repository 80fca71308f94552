"""Argument values as the resolver reads them: constants of the document, variables and lifted literals behind one face.

Responsible for list coercion, defaults of variables, agreement of a variable's declared type with its position, and the
sentences for a value of the wrong kind. It never hands out a variable's value except by `Observations`, and never makes SQL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from towpath_read_engine import document as ast
from towpath_read_engine.errors import ReadError, invalid
from towpath_read_engine.paths import child
from towpath_read_engine.variables import CEILING, KEYS, KIND, LENGTH, PRESENCE, VALUE, Observations, Slot, Values

_ARTICLES = {"integer": "an integer", "object": "an object", "enum": "an enum value", "null": "null", "absent": "null"}


@dataclass(frozen=True, slots=True)
class Constant:
    """A source that is known when the plan is made."""

    value: Any

    def read(self, values: Values) -> Any:
        """The constant."""
        return self.value


@dataclass(frozen=True, slots=True)
class ListOf:
    """A source made of others."""

    items: tuple["Source", ...]

    def read(self, values: Values) -> Any:
        """The items' values."""
        return [item.read(values) for item in self.items]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """A JSON object whose members come from other sources."""

    fields: tuple[tuple[str, "Source"], ...]

    def read(self, values: Values) -> Any:
        """The members' values."""
        return {key: source.read(values) for key, source in self.fields}


Source = Slot | Constant | ListOf | ObjectOf
"""Where a parameter's value comes from at run time."""


def described(kind: str) -> str:
    """A kind with its article: `a string`."""
    return _ARTICLES.get(kind, f"a {kind}")


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the operation declares, and the record of what the compiler has looked at."""

    variables: dict[str, ast.VariableDefinition]
    seen: Observations


class Input:
    """One argument value, or a part of one.

    Attributes:
        path: where it stands, for error messages.
    """

    __slots__ = ("_definitions", "_node", "path")

    def __init__(self, node: ast.Value | Slot, definitions: Definitions, path: str) -> None:
        self._node: ast.Value | Slot = Slot(node.index) if isinstance(node, ast.Lifted) else node
        self._definitions = definitions
        self.path = path

    def at(self, expected: str) -> "Input":
        """This value at a position of the expected type: variables are checked against it and replaced by what they stand for.

        Raises:
            ReadError: the variable is declared with another type, or not at all.
        """
        if not isinstance(self._node, ast.Variable):
            return self
        definition = self._definition(self._node.name)
        has_default = definition.default is not None and not isinstance(definition.default, ast.NullValue)
        if not _fits(_type(expected), definition.type, has_default=has_default):
            name, declared = definition.name, definition.type
            raise invalid(f"variable '{name}' is declared as '{declared}', but used where '{expected}' is expected", self.path)
        return self._bound(definition)

    def _definition(self, name: str) -> ast.VariableDefinition:
        return self._definitions.variables[name]  # unbound ones have been refused

    def _bound(self, definition: ast.VariableDefinition) -> "Input":
        slot = Slot(definition.name)
        if definition.default is not None and self._definitions.seen.ask(slot, PRESENCE) == "absent":
            return Input(definition.default, self._definitions, self.path)
        return Input(slot, self._definitions, self.path)

    def is_null(self) -> bool:
        """Whether the value is null, or a variable that was not given."""
        if isinstance(self._node, Slot):
            return bool(self._definitions.seen.ask(self._node, PRESENCE) != "value")
        return isinstance(self._node, ast.NullValue)

    def is_absent(self) -> bool:
        """Whether the value is a variable that was not given."""
        return isinstance(self._node, Slot) and bool(self._definitions.seen.ask(self._node, PRESENCE) == "absent")

    def kind(self) -> str:
        """The GraphQL kind of the value."""
        match self._node:
            case Slot() as slot:
                return str(self._definitions.seen.ask(slot, KIND))
            case ast.ObjectValue():
                return "object"
            case ast.ListValue():
                return "list"
            case ast.EnumValue():
                return "enum"
            case ast.BooleanValue():
                return "boolean"
            case _:
                return "null"

    def fail(self, expected: str, type_name: str) -> ReadError:
        """The refusal of a value of the wrong kind."""
        kind = self.kind()
        if kind in ("integer", "float") and self._is_variable():
            kind = "number"
        return invalid(f"expected {expected} for type '{type_name}', but found {described(kind)}", self.path)

    def _is_variable(self) -> bool:
        return isinstance(self._node, Slot) and isinstance(self._node.key, str)

    def entries(self, type_name: str) -> list[tuple[str, "Input"]]:
        """The members of an object."""
        node = self._node
        if self.kind() != "object":
            raise self.fail("an object", type_name)
        if isinstance(node, ast.ObjectValue):
            return [(key, Input(value, self._definitions, child(self.path, key))) for key, value in node.fields]
        assert isinstance(node, Slot)
        keys: tuple[str, ...] = self._definitions.seen.ask(node, KEYS)
        return [(key, Input(node.down(key), self._definitions, child(self.path, key))) for key in keys]

    def items(self) -> list["Input"]:
        """The members of a list; any other value is a list of itself."""
        node = self._node
        if self.kind() != "list":
            return [Input(node, self._definitions, child(self.path, 0))]
        if isinstance(node, ast.ListValue):
            return [Input(value, self._definitions, child(self.path, i)) for i, value in enumerate(node.items)]
        assert isinstance(node, Slot)
        length: int = self._definitions.seen.ask(node, LENGTH)
        return [Input(node.down(i), self._definitions, child(self.path, i)) for i in range(length)]

    def enum(self, type_name: str) -> str:
        """A bare word; in variables a string is right, in the document it is not."""
        node = self._node
        if isinstance(node, ast.EnumValue):
            return node.name
        if isinstance(node, Slot) and self._is_variable() and self.kind() == "string":
            return str(self._definitions.seen.ask(node, VALUE)[1])
        raise self.fail("an enum value", type_name)

    def boolean(self) -> bool:
        """True or false."""
        node = self._node
        if isinstance(node, ast.BooleanValue):
            return node.value
        if isinstance(node, Slot) and self.kind() == "boolean":
            return bool(self._definitions.seen.ask(node, VALUE)[1])
        raise self.fail("a boolean", "Boolean")

    def ceiling(self) -> int | None:
        """A round number that the value does not exceed, the same for all values near it; None when there is none."""
        found: int | None = self._definitions.seen.ask(self._node, CEILING) if isinstance(self._node, Slot) else None
        return found

    def source(
        self,
        element: str,
        type_name: str,
        *,
        many: bool = False,
        json: bool = False,
        enum: bool = False,
        native: bool = False,
        holes: bool = False,
    ) -> Source:
        """Where a parameter takes this value from; nothing is asked of it.

        Args:
            element: the type of an item of the list.
            type_name: the type of the position, for messages.
            many: whether lists are taken apart, one level or, where the items are lists themselves, two.
            json: whether any JSON value fits.
            enum: whether the value, or an item of the list, is a bare word; in variables a string.
            native: whether the position has one of GraphQL's own types, so that no bare word fits.
            holes: whether the innermost list is an array of PostgreSQL, whose items may be null.
        """
        match self._node:
            case Slot(key=int()) if enum:
                first = self.items()[:1] if self.kind() == "list" else ()
                raise (*first, self)[0].fail("an enum value", element.removesuffix("!"))
            case Slot() as slot:
                return slot
            case ast.EnumValue(name) if not native:  # elsewhere a bare word is a text
                return Constant(name)
            case ast.BooleanValue(value):
                return Constant(value)
            case ast.ListValue() if many or json:
                below: Callable[[Input], Input] = (lambda item: item.at(element)) if many else (lambda item: item._json_part())
                inner = element.removesuffix("!")
                lists = inner.startswith("[")
                item_type = inner[1:-1] if lists else element
                return ListOf(
                    tuple(
                        Constant(None)
                        if holes and not lists and isinstance(item._node, ast.NullValue)
                        else below(item).source(item_type, element, many=lists, json=json, enum=enum, holes=holes)
                        for item in self.items()
                    )
                )
            case ast.ObjectValue() if json:
                return ObjectOf(
                    tuple((key, value._json_part().source(element, element, json=True)) for key, value in self.entries(type_name))
                )
            case ast.NullValue() if json:
                return Constant(None)
            case ast.NullValue():
                raise invalid(f"unexpected null value for type '{type_name.removesuffix('!')}'", self.path)
        raise self.fail("a value", type_name.removesuffix("!"))

    def _json_part(self) -> "Input":
        """A variable inside a JSON literal may be of any type."""
        return self._bound(self._definition(self._node.name)) if isinstance(self._node, ast.Variable) else self


def missing(name: str, path: str) -> ReadError:
    """The refusal of an object, or of the arguments of a field, without a member that is needed.

    Args:
        path: where the object stands.
    """
    return invalid(f"missing required field '{name}'", child(path, name))


def _fits(expected: ast.TypeReference, declared: ast.TypeReference, *, has_default: bool = False) -> bool:
    """Whether a variable fits a position; of what is within a list only the names count, as in Hasura."""
    if expected.required and not declared.required and not has_default:
        return False
    if expected.of is not None and declared.of is not None:
        return _fits(expected.of, declared.of, has_default=True)
    return expected.of is declared.of and expected.name == declared.name


@lru_cache(maxsize=4096)
def _type(text: str) -> ast.TypeReference:
    required = text.endswith("!")
    bare = text.removesuffix("!")
    if bare.startswith("["):
        return ast.TypeReference(required=required, of=_type(bare[1:-1]))
    return ast.TypeReference(required=required, name=bare)
