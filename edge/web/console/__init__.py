"""The operator's console: the gateway's own pages to see how it stands and to steer it."""

from edge.web.console.cameras import Sights
from edge.web.console.door import Console
from edge.web.console.facts import Certificate

__all__ = ["Certificate", "Console", "Sights"]
