"""Resources."""

from towpath.core.resources import ResourceManager, resource_manager

__all__ = ["ResourceManager", "resource_manager"]
