"""What may happen while launching."""

from launch.events import process
from launch.events.shutdown import Shutdown

__all__ = ["Shutdown", "process"]
