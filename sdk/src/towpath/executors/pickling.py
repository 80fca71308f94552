"""How calls and what they return become bytes for another process, and come back.

By cloudpickle, so that what a script defines travels by value. An exception that would not arrive whole (many classes cannot be unpickled)
is replaced by its text, so that the report of a failure never fails.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import cloudpickle

from towpath.errors import TowpathError
from towpath.storage import PROTOCOL
from towpath_proto.errors import Code


class RemoteError(Exception):
    """Stands for an exception of a task in another process that could not be sent; its text is the exception's."""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc] # cloudpickle has no types
    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, BaseException) and not _travels(thing):
            return RemoteError, (repr(thing),)
        return super().reducer_override(thing)


def _travels(error: BaseException) -> bool:
    try:
        return type(pickle.loads(cloudpickle.dumps(error, protocol=PROTOCOL))) is type(error)
    except Exception:
        return False


def packed(thing: Any, what: str) -> bytes:
    """The bytes of `thing`.

    Raises:
        TowpathError: `VALUE_NOT_PICKLABLE`, with a sentence about `what`.
    """
    sink = io.BytesIO()
    try:
        _Pickler(sink, protocol=PROTOCOL).dump(thing)
    except Exception as error:
        from towpath.unpicklable import found_in

        culprit = found_in(thing, error)
        raise TowpathError(Code.VALUE_NOT_PICKLABLE, f"{what} cannot be sent to another process: {culprit.sentence()}") from error
    return sink.getvalue()


def unpacked(data: bytes, what: str) -> Any:
    """What `packed` wrote.

    Raises:
        TowpathError: `VALUE_NOT_PICKLABLE`, with a sentence about `what`.
    """
    try:
        return pickle.loads(data)
    except ModuleNotFoundError as error:
        sentence = (
            f"{what} needs the module {error.name!r}, which cannot be imported there; install it, or define it in the flow's own file"
        )
        raise TowpathError(Code.VALUE_NOT_PICKLABLE, sentence) from error
    except Exception as error:
        raise TowpathError(Code.VALUE_NOT_PICKLABLE, f"{what} did not arrive whole: {error!r}") from error
