"""What tests stand on: clocks, the real broker, the real database."""

from deploy.processes import free_port
from tests.support.clock import FakeClock, WallClock

__all__ = ["FakeClock", "WallClock", "free_port"]
