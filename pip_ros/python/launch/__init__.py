"""The part of ROS 2's `launch` that launch files of this package and of its users call, where there is no ROS.

Import names, texts and exit codes are those of launch 3.4.3 (Jazzy). Where the real package is installed this one is
on no path.
"""

from launch import actions, conditions, event_handlers, events, launch_description_sources, logging, substitutions
from launch.action import Action
from launch.condition import Condition
from launch.event import Event
from launch.event_handler import EventHandler
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.launch_description_source import LaunchDescriptionSource
from launch.launch_service import LaunchService
from launch.substitution import Substitution
from launch.substitutions.phrase import SomeSubstitutionsType

__all__ = [
    "Action",
    "Condition",
    "Event",
    "EventHandler",
    "LaunchContext",
    "LaunchDescription",
    "LaunchDescriptionEntity",
    "LaunchDescriptionSource",
    "LaunchService",
    "SomeSubstitutionsType",
    "Substitution",
    "actions",
    "conditions",
    "event_handlers",
    "events",
    "launch_description_sources",
    "logging",
    "substitutions",
]
