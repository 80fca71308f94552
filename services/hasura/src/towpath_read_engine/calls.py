"""Arguments of functions: from `args: {...}` to a call.

All arguments of PostgreSQL functions may be null, so none is required by its GraphQL type; one that has no default must be
there all the same. What follows an argument that was left out is given by name.
"""

from towpath_read_engine import plan
from towpath_read_engine.errors import DialectCode, ReadError, invalid
from towpath_read_engine.functions import Argument, Function
from towpath_read_engine.inputs import Input, missing
from towpath_read_engine.model import ComputedField, Table
from towpath_read_engine.paths import ROOT, parent
from towpath_read_engine.scalars import encode


def is_required(function: Function) -> bool:
    """Whether a call must give arguments."""
    return any(not item.has_default for item in function.given)


def call(function: Function, type_name: str, given: Input | None, path: str) -> plan.Call:
    """The call of a function.

    Args:
        type_name: the input type of its arguments.
        given: the value of `args`, if it was written.
        path: where `args` stands.
    """
    given = given.at(f"{type_name}{'!' if is_required(function) else ''}") if given is not None else None
    if given is not None and given.is_null() and not is_required(function):
        given = None
    if given is None and is_required(function):
        raise missing("args", parent(path))
    values = _values(function, type_name, given)
    placed: list[plan.CallArgument] = []
    named: list[tuple[str, plan.CallArgument]] = []
    is_complete = True
    for argument in function.arguments:
        value = _automatic(argument) or values.get(argument.field)
        if value is None and not argument.has_default:
            raise ReadError(DialectCode.NOT_SUPPORTED, "Non default arguments cannot be omitted", path)
        is_complete &= value is not None
        if value is None:
            continue
        if is_complete:
            placed.append(value)
        elif argument.name is None:
            raise ReadError(DialectCode.NOT_SUPPORTED, "Only last set of positional arguments can be omitted", path)
        else:
            named.append((argument.name, value))
    return plan.Call(function.key, tuple(placed), tuple(named))


def computed_value(field: ComputedField, given: Input | None = None, path: str = ROOT) -> plan.Computed:
    """The value of a computed field that is a scalar; `given` and `path` as for `call`."""
    function = field.function
    return plan.Computed(field.name, function.returns, call(function, field.arguments_type, given, path), field.shown)


def computed_rows(field: ComputedField, table: Table, given: Input | None = None, path: str = ROOT) -> plan.Called:
    """The rows of a computed field; `given` and `path` as for `call`."""
    function = field.function
    return plan.Called(table, call(function, field.arguments_type, given, path), function.many)


def _values(function: Function, type_name: str, given: Input | None) -> dict[str, plan.CallArgument]:
    known = {argument.field: argument for argument in function.given}
    values: dict[str, plan.CallArgument] = {}
    for name, item in given.entries(type_name) if given is not None else ():
        argument = known.get(name)
        if argument is None:
            raise invalid(f"field '{name}' not found in type: '{type_name}'", item.path)
        item = item.at(argument.written)
        if not item.is_absent():
            values[name] = _value(argument, item)
    return values


def _value(argument: Argument, given: Input) -> plan.CallArgument:
    type_ = argument.type
    if given.is_null():
        return plan.Null(type_)
    element = f"{type_.graphql}!" if type_.element is not None else argument.written
    source = given.source(
        element, argument.written, many=type_.element is not None, json=type_.is_structured, holes=type_.element is not None
    )
    return plan.Value(source, encode, type_, given.path)


def _automatic(argument: Argument) -> plan.CallArgument | None:
    """The value of an argument that no caller gives."""
    match argument.kind:
        case "row":
            return plan.WholeRow()
        case "session":
            return plan.Value(plan.SessionVariables(), encode, argument.type, ROOT)
        case "given":
            return None
