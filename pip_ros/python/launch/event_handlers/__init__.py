"""What to do when something happens, one kind of event per file."""

from launch.event_handlers.on_process_exit import OnProcessExit
from launch.event_handlers.on_process_io import OnProcessIO
from launch.event_handlers.on_process_start import OnProcessStart
from launch.event_handlers.on_shutdown import OnShutdown

__all__ = ["OnProcessExit", "OnProcessIO", "OnProcessStart", "OnShutdown"]
