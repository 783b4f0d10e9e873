"""Instructions for tabletop scenes, each with the truth and a judge of answers."""

from robotracer_ros.sim.tasks.drawing import FAMILIES, make_tasks
from robotracer_ros.sim.tasks.task import KINDS, MEASURE, POINTS, TRACE, Goal, Task

__all__ = ["FAMILIES", "KINDS", "MEASURE", "POINTS", "TRACE", "Goal", "Task", "make_tasks"]
