"""Selection sets flattened: fragments spread, directives applied, fields that are met twice merged.

Works on the tree and on type names only; it does not know what fields a type has.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from towpath_read_engine import document as ast
from towpath_read_engine.errors import ReadError, invalid
from towpath_read_engine.inputs import Definitions, Input
from towpath_read_engine.paths import child

_KNOWN_DIRECTIVES = {"include", "skip", "cached"}


@dataclass(slots=True)
class SelectedField:
    """A field of the answer.

    Attributes:
        key: its name in the answer.
        arguments: as written.
        inner: the selection sets under it, each with the path of the place where it was written.
    """

    key: str
    name: str
    arguments: dict[str, ast.Value]
    path: str
    inner: list[tuple[tuple[ast.Selection, ...], str]] = field(default_factory=list)

    def argument_path(self, name: str) -> str:
        """Where an argument stands."""
        return child(self.path, "args", name)


class Selector:
    """Flattens the selection sets of one document, whose fragments form no cycle."""

    def __init__(self, fragments: dict[str, ast.Fragment], definitions: Definitions, *, max_depth: int, max_fields: int) -> None:
        self._fragments = fragments
        self._definitions = definitions
        self._max_depth = max_depth
        self._max_fields = max_fields
        self._seen = 0

    def root(self, operation: ast.Operation) -> list[SelectedField]:
        """The root fields of an operation."""
        for directive in operation.directives:
            if directive.name not in _KNOWN_DIRECTIVES:
                raise invalid(f"directive '{directive.name}' is not defined in the schema")
            if directive.name != "cached":
                raise invalid(f"directive '{directive.name}' is not allowed on a {operation.kind}")
        return self._flatten(f"{operation.kind}_root", [(operation.selections, "$")])

    def below(self, parent: SelectedField, type_name: str, depth: int) -> list[SelectedField]:
        """The fields under a field whose type is an object."""
        if not parent.inner:
            raise invalid(f"missing selection set for '{parent.name}'", parent.path)
        if depth > self._max_depth:
            raise invalid(f"the query is deeper than {self._max_depth} levels; ask for less at once", parent.path)
        return self._flatten(type_name, parent.inner)

    def _flatten(self, type_name: str, sets: list[tuple[tuple[ast.Selection, ...], str]]) -> list[SelectedField]:
        fields: dict[str, SelectedField] = {}
        for selections, path in sets:
            self._collect(type_name, selections, child(path, "selectionSet"), fields)
        return list(fields.values())

    def _collect(self, type_name: str, selections: tuple[ast.Selection, ...], path: str, fields: dict[str, SelectedField]) -> None:
        for selection in selections:
            if not self._included(selection.directives, path):
                continue
            self._seen += 1
            if self._seen > self._max_fields:
                raise invalid(f"the query selects more than {self._max_fields} fields; ask for less at once")
            match selection:
                case ast.Field():
                    self._add(selection, path, fields)
                case ast.InlineFragment(on=on):
                    if on is None or on == type_name:
                        self._collect(type_name, selection.selections, path, fields)
                case ast.FragmentSpread(name=name):
                    fragment = self._fragment(name, path)
                    if fragment.on == type_name:
                        inner = child(path, name, "selectionSet")
                        self._collect(type_name, fragment.selections, inner, fields)

    def _fragment(self, name: str, path: str) -> ast.Fragment:
        fragment = self._fragments.get(name)
        if fragment is None:
            raise invalid(f"reference to undefined fragment '{name}'", path)
        return fragment

    def _add(self, found: ast.Field, path: str, fields: dict[str, SelectedField]) -> None:
        arguments = dict(found.arguments)
        here = child(path, found.name)
        if len(arguments) != len(found.arguments):
            raise invalid(f"the arguments of field '{found.name}' are not unique", here)
        known = fields.get(found.key)
        if known is None:
            known = fields[found.key] = SelectedField(found.key, found.name, arguments, here)
        elif known.name != found.name:
            raise invalid(f"selection of both '{known.name}' and '{found.name}' specify the same response name, '{found.key}'", path)
        elif not self._same_arguments(known.arguments, arguments):
            raise invalid(f"inconsistent arguments between multiple selections of field '{found.name}'", path)
        if found.selections is not None:
            known.inner.append((found.selections, here))

    def _same_arguments(self, one: dict[str, ast.Value], other: dict[str, ast.Value]) -> bool:
        """Equal up to lifting: two literals are two indexes, so their values decide, and are recorded."""
        return one.keys() == other.keys() and all(self._same_value(one[name], other[name]) for name in one)

    def _same_value(self, one: ast.Value, other: ast.Value) -> bool:
        if isinstance(one, ast.Lifted) and isinstance(other, ast.Lifted):
            seen = self._definitions.seen
            return seen.equal(one.index, other.index)
        if isinstance(one, ast.ListValue) and isinstance(other, ast.ListValue):
            return len(one.items) == len(other.items) and all(map(self._same_value, one.items, other.items))
        if isinstance(one, ast.ObjectValue) and isinstance(other, ast.ObjectValue):
            return self._same_arguments(dict(one.fields), dict(other.fields))
        return one == other

    def _included(self, directives: tuple[ast.Directive, ...], path: str) -> bool:
        names = [directive.name for directive in directives]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise invalid(f"the following directives are used more than once: {repeated}", path)
        included = True
        for directive in directives:
            if directive.name not in _KNOWN_DIRECTIVES:
                raise invalid(f"directive '{directive.name}' is not defined in the schema", path)
            if directive.name == "cached":
                raise invalid(f"directive '{directive.name}' is not allowed on a field", path)
            if [name for name, _ in directive.arguments] != ["if"]:
                raise invalid(f"directive '{directive.name}' takes exactly the argument 'if'", child(path, directive.name))
            condition = Input(directive.arguments[0][1], self._definitions, child(path, directive.name, "if")).at("Boolean!")
            included &= condition.boolean() is (directive.name == "include")
        return included


def refuse_cycles(fragments: dict[str, ast.Fragment]) -> None:
    """Refuse fragments that spread each other, however deep.

    Raises:
        ReadError: some do.
    """
    done: set[str] = set()

    def visit(name: str, stack: tuple[str, ...]) -> None:
        if name in stack:
            raise _cycle(stack[stack.index(name) :])
        if name in done or name not in fragments:
            return
        for other in _spreads(fragments[name].selections):
            visit(other, (*stack, name))
        done.add(name)

    for name in fragments:
        visit(name, ())


def _spreads(selections: tuple[ast.Selection, ...]) -> Iterator[str]:
    for selection in selections:
        if isinstance(selection, ast.FragmentSpread):
            yield selection.name
        else:
            yield from _spreads(selection.selections or ())


def _cycle(names: tuple[str, ...]) -> ReadError:
    """The refusal of fragments that spread each other."""
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return invalid(f"the fragment definition(s) {listed} form a cycle")


def variables_in(operation: ast.Operation, fragments: dict[str, ast.Fragment]) -> frozenset[str]:
    """The names of all variables that an operation uses, directly or in a fragment."""
    search = _VariableSearch(fragments)
    search.directives(operation.directives)
    search.selections(operation.selections)
    return frozenset(search.found)


class _VariableSearch:
    """Walks a tree for variables; each fragment once, so that cycles end."""

    def __init__(self, fragments: dict[str, ast.Fragment]) -> None:
        self._fragments = fragments
        self._visited: set[str] = set()
        self.found: set[str] = set()

    def selections(self, selections: tuple[ast.Selection, ...]) -> None:
        for selection in selections:
            self.directives(selection.directives)
            match selection:
                case ast.Field():
                    self._arguments(selection.arguments)
                    self.selections(selection.selections or ())
                case ast.InlineFragment():
                    self.selections(selection.selections)
                case ast.FragmentSpread(name=name) if name in self._fragments and name not in self._visited:
                    self._visited.add(name)
                    self.selections(self._fragments[name].selections)

    def directives(self, directives: tuple[ast.Directive, ...]) -> None:
        for directive in directives:
            self._arguments(directive.arguments)

    def _arguments(self, arguments: tuple[tuple[str, ast.Value], ...]) -> None:
        for _, argument in arguments:
            self._value(argument)

    def _value(self, node: ast.Value) -> None:
        match node:
            case ast.Variable(name=name):
                self.found.add(name)
            case ast.ListValue(items=items):
                for item in items:
                    self._value(item)
            case ast.ObjectValue(fields=entries):
                self._arguments(entries)
