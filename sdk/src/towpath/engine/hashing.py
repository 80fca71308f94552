"""Hashes of values that stay the same from process to process, so that a cache can tell whether an input is the one it knows.

A value is hashed by what it is made of, never by its address or by the order of a set or a dict:
* plain data (None, numbers, text, bytes, dates, lists, tuples, sets, dicts, …) by its type and content; 1, 1.0 and True differ;
* classes and functions that can be imported by their names; those of a script by their compiled code;
* an object with `__dask_tokenize__` by what that returns; any other by what pickle would take it apart into, part by part (so NumPy arrays
  and pandas frames work, and equal objects are equal however their parts are shared).

The limits: an object that pickle refuses has no hash. A function of a script hashes anew when another version of Python compiles it. A
value with random or machine-bound state in its parts (an open connection, a temporary name, a time of loading) never hashes alike twice.
"""

from __future__ import annotations

import datetime
import hashlib
import struct
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

_Write = Callable[[bytes], None]


class UnhashableError(TypeError):
    """A value has no stable hash."""


def stable_hash(value: Any) -> str:
    """The hash of `value`: 32 hex digits.

    Raises:
        UnhashableError: If the value has none.
    """
    return _digest(value, []).hex()


def _digest(value: Any, around: list[Any]) -> bytes:
    hasher = hashlib.blake2b(digest_size=16)
    _feed(value, hasher.update, around)
    return hasher.digest()


def _feed(value: Any, write: _Write, around: list[Any]) -> None:
    """Write what `value` is made of. `around`: the objects that it is part of, so that one that holds itself comes to an end."""
    kind = type(value)
    plain = _PLAIN.get(kind)
    if plain is not None:
        data = plain(value)
        write(f"{kind.__name__}:{len(data)}:".encode())
        write(data)
        return
    for depth, outer in enumerate(around):
        if outer is value:
            write(f"@{depth}".encode())
            return
    if len(around) > 200:
        raise UnhashableError(f"a {kind.__name__} is nested too deeply to be compared")
    around.append(value)
    try:
        _feed_compound(value, kind, write, around)
    finally:
        around.pop()


def _feed_compound(value: Any, kind: type, write: _Write, around: list[Any]) -> None:
    if kind is list or kind is tuple:
        _sequence(kind.__name__, value, write, around)
    elif kind is dict:
        # by key, since equal dicts may have been filled in any order
        _unordered("dict", (_digest(key, around) + _digest(item, around) for key, item in value.items()), write)
    elif kind is set or kind is frozenset:
        _unordered(kind.__name__, (_digest(item, around) for item in value), write)
    elif isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        _named(value, write, around)
    elif hasattr(kind, "__dask_tokenize__"):
        write(b"token:" + _name(kind).encode() + b":")
        _feed(value.__dask_tokenize__(), write, around)
    else:
        _reduced(value, kind, write, around)


def _sequence(name: str, items: Iterable[Any], write: _Write, around: list[Any]) -> None:
    write(f"{name}(".encode())
    for item in items:
        _feed(item, write, around)
    write(b")")


def _unordered(name: str, digests: Iterable[bytes], write: _Write) -> None:
    write(f"{name}{{".encode())
    for digest in sorted(digests):
        write(digest)
    write(b"}")


def _named(value: Any, write: _Write, around: list[Any]) -> None:
    """A class or function: its name, where that leads back to it in any process; else what it is made of."""
    module, name = getattr(value, "__module__", None) or "builtins", value.__qualname__
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is value and module != "__main__" and not getattr(sys.modules[module], "__towpath_script__", False):
        write(f"name:{module}.{name};".encode())
    elif isinstance(value, types.FunctionType):
        _feed_function(value, write, around)
    elif isinstance(value, type):
        write(f"class:{name}:".encode())
        _sequence("bases", value.__bases__, write, around)
        for member, inner in sorted(vars(value).items()):
            write(f".{member}".encode())
            function = getattr(inner, "__func__", None) or getattr(inner, "fget", None) or inner
            if isinstance(function, types.FunctionType):
                _feed_function(function, write, around)
            elif type(inner) in _PLAIN and not member.startswith("__"):
                _feed(inner, write, around)
    else:
        raise UnhashableError(f"{name} cannot be compared")


def _feed_function(function: types.FunctionType, write: _Write, around: list[Any]) -> None:
    write(f"function:{function.__qualname__}:".encode())
    _feed_code(function.__code__, write, around)
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell.cell_contents is not function]
    _feed([function.__defaults__, function.__kwdefaults__, cells], write, around)


def _feed_code(code: types.CodeType, write: _Write, around: list[Any]) -> None:
    write(code.co_code)
    _feed((code.co_names, code.co_varnames), write, around)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _feed_code(constant, write, around)
        else:
            _feed(constant, write, around)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _reduced(value: Any, kind: type, write: _Write, around: list[Any]) -> None:
    try:
        parts = value.__reduce_ex__(4)
    except Exception as error:
        raise UnhashableError(f"a {_name(kind)} cannot be compared: {error}") from error
    write(b"object:" + _name(kind).encode() + b":")
    if isinstance(parts, str):
        write(parts.encode())
        return
    make, arguments, *rest = parts
    _feed(make, write, around)
    _feed(arguments, write, around)
    state, items, pairs = (*rest, None, None, None)[:3]
    _feed(state, write, around)
    _sequence("items", items or (), write, around)
    _unordered("pairs", (_digest(pair, around) for pair in pairs or ()), write)


def _text(value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


_PLAIN: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"",
    bool: lambda value: b"1" if value else b"0",
    int: lambda value: hex(value).encode(),
    float: lambda value: struct.pack(">d", value),
    complex: lambda value: struct.pack(">dd", value.real, value.imag),
    str: _text,
    bytes: lambda value: value,
    bytearray: bytes,
    datetime.datetime: lambda value: value.isoformat().encode(),
    datetime.date: lambda value: value.isoformat().encode(),
    datetime.time: _text,
    datetime.timedelta: lambda value: repr(value).encode(),
}
