"""Serializers: how a result's value becomes bytes and comes back. They know nothing of places."""

from __future__ import annotations

from typing import Any, Protocol


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
