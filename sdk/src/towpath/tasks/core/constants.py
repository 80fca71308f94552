"""Constants as tasks."""

from towpath.core.builtin import Constant

__all__ = ["Constant"]
