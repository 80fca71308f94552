"""Serializers: how a result's value becomes bytes and comes back, and how a receipt names one. They know nothing of places."""

from __future__ import annotations

from typing import Any, Protocol

from towpath.errors import FlowError, MissingResultError
from towpath_proto.errors import Code


class Serializer(Protocol):
    """Turns values into bytes and back; `deserialize(serialize(x))` equals x for every x that it accepts."""

    def serialize(self, value: Any) -> bytes:
        """Bytes of `value`."""
        ...

    def deserialize(self, data: bytes) -> Any:
        """The value of `data`."""
        ...


class PickleSerializer:
    """Pickles, by cloudpickle, so that classes of a script can be stored too."""

    def serialize(self, value: Any) -> bytes:
        """Bytes of `value`."""
        import cloudpickle

        data: bytes = cloudpickle.dumps(value)
        return data

    def deserialize(self, data: bytes) -> Any:
        """The value of `data`, which must come from a place that the user trusts: pickles can run code."""
        import pickle

        return pickle.loads(data)


class JSONSerializer:
    """JSON text in UTF-8; for values that other programs read."""

    def serialize(self, value: Any) -> bytes:
        """Bytes of `value`."""
        import json

        return json.dumps(value).encode()

    def deserialize(self, data: bytes) -> Any:
        """The value of `data`."""
        import json

        return json.loads(data)


class DateTimeSerializer:
    """A date and time as ISO 8601 text; one without a time zone stays one without."""

    def serialize(self, value: Any) -> bytes:
        """Bytes of `value`."""
        text: str = value.isoformat()
        return text.encode()

    def deserialize(self, data: bytes) -> Any:
        """The value of `data`."""
        from datetime import datetime

        return datetime.fromisoformat(data.decode())


_FORMATS = {"gzip": "gzip", "bz2": "bz2", "lzma": "lzma", "zlib": "zlib"}


class CompressedSerializer:
    """Compresses what another serializer writes.

    Args:
        serializer: The other serializer.
        format: "gzip", "bz2", "lzma" or "zlib".

    Raises:
        FlowError: BAD_SETTING for another format.
    """

    def __init__(self, serializer: Serializer, format: str = "gzip") -> None:  # noqa: A002 - Prefect 1's
        if format not in _FORMATS:
            raise FlowError(Code.BAD_SETTING, f"CompressedSerializer has no format {format!r}; choose one of {', '.join(_FORMATS)}")
        self.serializer = serializer
        self.format = format

    def serialize(self, value: Any) -> bytes:
        """Bytes of `value`."""
        import importlib

        data: bytes = importlib.import_module(_FORMATS[self.format]).compress(self.serializer.serialize(value))
        return data

    def deserialize(self, data: bytes) -> Any:
        """The value of `data`."""
        import importlib

        return self.serializer.deserialize(importlib.import_module(_FORMATS[self.format]).decompress(data))


class PandasSerializer:
    """A pandas DataFrame in a format of pandas, such as "csv" or "parquet". pandas is imported when a value is stored or read.

    Args:
        file_type: The format: pandas' `to_<file_type>` writes it, `read_<file_type>` reads it.
        deserialize_kwargs: Further arguments of the reader.
        serialize_kwargs: Further arguments of the writer, such as `{"index": False}`.
    """

    def __init__(
        self, file_type: str, deserialize_kwargs: dict[str, Any] | None = None, serialize_kwargs: dict[str, Any] | None = None
    ) -> None:
        self.file_type = file_type
        self.deserialize_kwargs = dict(deserialize_kwargs or {})
        self.serialize_kwargs = dict(serialize_kwargs or {})

    def serialize(self, value: Any) -> bytes:
        """Bytes of `value`."""
        import io

        writer = getattr(value, f"to_{self.file_type}", None)
        if writer is None:
            raise FlowError(
                Code.BAD_SETTING, f"a {type(value).__name__} cannot be written as {self.file_type!r}; pandas has no such format"
            )
        buffer = io.BytesIO()
        writer(buffer, **self.serialize_kwargs)
        return buffer.getvalue()

    def deserialize(self, data: bytes) -> Any:
        """The value of `data`."""
        import importlib
        import io

        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise FlowError(Code.MISSING_EXTRA, "PandasSerializer needs pandas: pip install pandas") from error
        return getattr(pandas, f"read_{self.file_type}")(io.BytesIO(data), **self.deserialize_kwargs)


class _ForeignSerializer:
    """Stands for a serializer that only its own code has."""

    def __init__(self, name: str) -> None:
        self._name = name

    def serialize(self, value: Any) -> bytes:
        raise self._error()

    def deserialize(self, data: bytes) -> Any:
        raise self._error()

    def _error(self) -> MissingResultError:
        return MissingResultError(
            Code.BAD_SETTING, f"it was written with the serializer {self._name}, which is not towpath's; read its location with that one"
        )


def serializer_to_dict(serializer: Serializer | None) -> dict[str, Any] | None:
    """What a receipt tells of a serializer, so that another process reads what this one wrote; None for a result's own default."""
    match serializer:
        case None:
            return None
        case PickleSerializer() | JSONSerializer() | DateTimeSerializer() if type(serializer) in _PLAIN.values():
            return {"type": type(serializer).__name__}
        case CompressedSerializer():
            inner = serializer_to_dict(serializer.serializer)
            return {"type": "CompressedSerializer", "serializer": inner, "format": serializer.format}
        case PandasSerializer():
            return {"type": "PandasSerializer", "file_type": serializer.file_type}
    kind = type(serializer)
    return {"type": f"{kind.__module__}.{kind.__qualname__}"}


def serializer_from_dict(data: Any) -> Serializer | None:
    """The serializer that a receipt tells of; one that is not ours refuses to read. Nothing is imported for a name."""
    if not isinstance(data, dict):
        return None
    kind = data.get("type")
    if isinstance(kind, str) and kind in _PLAIN:
        return _PLAIN[kind]()
    if kind == "CompressedSerializer" and data.get("format") in _FORMATS:
        inner = serializer_from_dict(data.get("serializer"))
        return _ForeignSerializer("inside of a CompressedSerializer") if inner is None else CompressedSerializer(inner, data["format"])
    if kind == "PandasSerializer" and data.get("file_type") in _PANDAS:
        return PandasSerializer(data["file_type"])
    return _ForeignSerializer(str(kind))


_PLAIN: dict[str, type[Serializer]] = {
    "PickleSerializer": PickleSerializer,
    "JSONSerializer": JSONSerializer,
    "DateTimeSerializer": DateTimeSerializer,
}
_PANDAS = frozenset({"csv", "excel", "feather", "fwf", "hdf", "html", "json", "orc", "parquet", "pickle", "sas", "spss", "stata", "xml"})
"""Readers of pandas: `read_…` with a name out of a state must not be just any function."""
