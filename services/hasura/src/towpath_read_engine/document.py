"""The syntax tree of an executable GraphQL document, literals lifted out.

Values only: no behaviour, no schema. A literal string, number or list of such is a `Lifted` index into the literals
that `lexing.py` took out, so that documents which differ in literals only have the same tree.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Lifted:
    """The n-th literal of the document."""

    index: int


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A bare word."""

    name: str


@dataclass(frozen=True, slots=True)
class BooleanValue:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class NullValue:
    """`null`."""


@dataclass(frozen=True, slots=True)
class ListValue:
    """`[...]` with something in it that is not a plain literal."""

    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class ObjectValue:
    """`{...}` as a value."""

    fields: tuple[tuple[str, "Value"], ...]


Value = Variable | Lifted | EnumValue | BooleanValue | NullValue | ListValue | ObjectValue


@dataclass(frozen=True, slots=True)
class TypeReference:
    """A type as written: `name`, or a list of `of`."""

    required: bool
    name: str = ""
    of: "TypeReference | None" = None

    def __str__(self) -> str:
        inner = f"[{self.of}]" if self.of is not None else self.name
        return inner + ("!" if self.required else "")


@dataclass(frozen=True, slots=True)
class Directive:
    """`@name(arguments)`."""

    name: str
    arguments: tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a selection set; `key` is its name in the answer."""

    key: str
    name: str
    arguments: tuple[tuple[str, Value], ...]
    directives: tuple[Directive, ...]
    selections: tuple["Selection", ...] | None


@dataclass(frozen=True, slots=True)
class FragmentSpread:
    """`...name`."""

    name: str
    directives: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class InlineFragment:
    """`... on type {}`, the type being optional."""

    on: str | None
    directives: tuple[Directive, ...]
    selections: tuple["Selection", ...]


Selection = Field | FragmentSpread | InlineFragment


@dataclass(frozen=True, slots=True)
class Fragment:
    """`fragment name on type {}`."""

    name: str
    on: str
    selections: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class VariableDefinition:
    """`$name: type = default`."""

    name: str
    type: TypeReference
    default: Value | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One query, mutation or subscription."""

    kind: str
    name: str | None
    variables: tuple[VariableDefinition, ...]
    directives: tuple[Directive, ...]
    selections: tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """Everything in one request's `query`."""

    operations: tuple[Operation, ...]
    fragments: dict[str, Fragment]
