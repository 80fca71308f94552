"""Selection sets flattened: fragments spread, directives applied, fields that are met twice merged.

Works on the tree and on type names only; it does not know what fields a type has.
"""

from dataclasses import dataclass, field

from towpath_read_engine import document as ast
from towpath_read_engine.errors import ReadError, invalid
from towpath_read_engine.inputs import Definitions, Input, missing
from towpath_read_engine.paths import ROOT, child

_LOCATIONS = {
    "include": ("a field", "an inline fragment"),
    "skip": ("a field", "an inline fragment"),
    "cached": ("a query",),
}
"""Where each directive may stand; fragments are in their places by then, so that a spread is an inline one."""
_CACHED = {"ttl": "Int!", "refresh": "Boolean!"}


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
        self._check(operation.directives, f"a {operation.kind}", ROOT)
        for directive in operation.directives:  # the only one that has come so far is `cached`
            self._cached(directive)
        return self._flatten(f"{operation.kind}_root", [(operation.selections, "$")])

    def below(self, parent: SelectedField, type_name: str, depth: int) -> list[SelectedField]:
        """The fields under a field whose type is an object."""
        if not parent.inner:
            raise invalid(f"missing selection set for '{type_name}'", child(parent.path, "selectionSet"))
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
            if not self._included(selection, path):
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
                    fragment = self._fragments[name]
                    if fragment.on == type_name:
                        self._collect(type_name, fragment.selections, path, fields)

    def _add(self, found: ast.Field, path: str, fields: dict[str, SelectedField]) -> None:
        arguments = dict(found.arguments)
        here = child(path, found.name)
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

    def _included(self, selection: ast.Selection, path: str) -> bool:
        self._check(selection.directives, "a field" if isinstance(selection, ast.Field) else "an inline fragment", path)
        included = True
        for directive in selection.directives:
            place = child(path, directive.name)
            _only_arguments(directive, ("if",), place)
            condition = next((value for _, value in directive.arguments), None)
            if condition is None:
                raise missing("if", child(place, "args"))
            holds = Input(condition, self._definitions, child(place, "args", "if")).at("Boolean!").boolean()
            included &= holds is (directive.name == "include")
        return included

    def _check(self, directives: tuple[ast.Directive, ...], location: str, path: str) -> None:
        """Refuse directives that do not exist, stand in the wrong place, or stand there twice."""
        names = [directive.name for directive in directives]
        for name in names:
            if name not in _LOCATIONS:
                raise invalid(f"directive '{name}' is not defined in the schema", path)
            if location not in _LOCATIONS[name]:
                raise invalid(f"directive '{name}' is not allowed on {location}", path)
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise invalid(f"the following directives are used more than once: {repeated}", path)

    def _cached(self, directive: ast.Directive) -> None:
        """Check what `cached` says, which has no effect here."""
        place = child(ROOT, directive.name)
        _only_arguments(directive, tuple(_CACHED), place)
        for name, value in directive.arguments:
            given = Input(value, self._definitions, child(place, "args", name)).at(_CACHED[name])
            if name == "refresh":
                given.boolean()
            elif given.kind() != "integer":
                raise given.fail("a 32-bit integer", "Int")


def _only_arguments(directive: ast.Directive, known: tuple[str, ...], path: str) -> None:
    for name, _ in directive.arguments:
        if name not in known:
            raise invalid(f"'{directive.name}' has no argument named '{name}'", path)


def check_spreads(operation: ast.Operation, fragments: dict[str, ast.Fragment]) -> None:
    """Refuse an operation that spreads what is no fragment, or fragments that spread each other, however deep.

    Raises:
        ReadError: it does.
    """
    done: set[str] = set()

    def walk(selections: tuple[ast.Selection, ...], path: str, stack: tuple[str, ...]) -> None:
        for selection in selections:
            match selection:
                case ast.Field(name=name):
                    walk(selection.selections or (), child(path, name, "selectionSet"), stack)
                case ast.InlineFragment():
                    walk(selection.selections, path, stack)
                case ast.FragmentSpread(name=name):
                    if name not in fragments:
                        raise invalid(f'reference to undefined fragment "{name}"', path)
                    if name in stack:
                        raise _cycle(stack[stack.index(name) :], path)
                    if name not in done:
                        walk(fragments[name].selections, child(path, name, "selectionSet"), (*stack, name))
                        done.add(name)

    walk(operation.selections, child(ROOT, "selectionSet"), ())


def _cycle(names: tuple[str, ...], path: str) -> ReadError:
    """The refusal of fragments that spread each other."""
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return invalid(f"the fragment definition(s) {listed} form a cycle", path)


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
