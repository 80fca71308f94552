"""Collections with tasks in them."""

from towpath.core.builtin import Dict, List, Set, Tuple

__all__ = ["Dict", "List", "Set", "Tuple"]
