"""The operator's console: the gateway's own pages to see how it stands and to steer it."""

from edge.web.console.door import Console

__all__ = ["Console"]
