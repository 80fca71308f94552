"""From a document's text to the plan for it, remembered.

Documents repeat: a client sends the same text again and again, and Prefect 1's sends the same text with other ids written into it. A
plan that forwards the client's own text holds for every document of the same shape (literals aside), so it is found by shape, and such
a document is neither tokenised nor parsed a second time. A plan that holds texts of its own is found by the exact text only.
"""

from __future__ import annotations

import gc
from collections import OrderedDict

from graphql import GraphQLSyntaxError, parse

from towpath_gateway.limits import Limits, check_document, check_text, exceeded
from towpath_gateway.splitting import BusinessFields, Plan, choose_operation, split
from towpath_proto.errors import Code, TowpathError
from towpath_service_kit.documents import shape

_REMEMBERED_LENGTH = 16_384
"""A longer document is planned anew each time, so that the memory's size is bounded."""


class Documents:
    """Plans documents.

    Args:
        business: Root fields of the business service.
        limits: Limits of a document.
        size: How many plans are remembered.
    """

    def __init__(self, business: BusinessFields, limits: Limits, *, size: int = 1_000) -> None:
        self._business = business
        self._limits = limits
        self._size = size
        self._plans: OrderedDict[tuple[str, str | None], Plan] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def plan(self, text: str, operation_name: str | None) -> Plan:
        """The plan for a document.

        Raises:
            TowpathError: `LIMIT_EXCEEDED`, `PARSE_FAILED` or `VALIDATION_FAILED`.
        """
        length = len(text)
        if length > self._limits.document_bytes:  # at least as many bytes as characters: not worth a look at its shape
            raise exceeded(f"The document has over {length} bytes", self._limits.document_bytes, "send its data as variables")
        if (found := self._found(text, operation_name)) is not None:  # one without literals is its own shape
            return found
        shaped = shape(text)
        if (found := self._found(shaped, operation_name)) is not None:
            return found
        self.misses += 1
        try:
            plan = self._make(text, shaped, operation_name)
        finally:
            if length > _REMEMBERED_LENGTH:
                # A parser's tokens hold each other, and a settled process looks for such circles seldom: a hundred long documents in a
                # row, each refused, would be hundreds of megabytes by then.
                gc.collect(1)
        if length <= _REMEMBERED_LENGTH:
            self._plans[(shaped if plan.untouched else text, operation_name)] = plan
            if len(self._plans) > self._size:
                self._plans.popitem(last=False)
        return plan

    def _found(self, text: str, operation_name: str | None) -> Plan | None:
        key = (text, operation_name)
        found = self._plans.get(key)
        if found is not None:
            self._plans.move_to_end(key)
            self.hits += 1
        return found

    def _make(self, text: str, shaped: str, operation_name: str | None) -> Plan:
        try:
            length = len(text.encode())
        except UnicodeEncodeError:
            raise TowpathError(Code.PARSE_FAILED, "The document holds half of a surrogate pair; send valid Unicode.") from None
        check_text(shaped, length, self._limits)
        try:
            document = parse(text, no_location=True)
        except GraphQLSyntaxError as e:
            places = ", ".join(f"line {p.line}, column {p.column}" for p in e.locations or ())
            raise TowpathError(Code.PARSE_FAILED, f"{e.message} ({places})" if places else e.message) from None
        operation = choose_operation(document, operation_name)
        check_document(document, operation, self._limits)
        return split(document, operation, self._business)
