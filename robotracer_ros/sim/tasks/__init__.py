"""Instructions for tabletop scenes, each with the truth and a judge of answers."""

from robotracer_ros.sim.tasks.drawing import FAMILIES, make_tasks
from robotracer_ros.sim.tasks.judge import Verdict, judge, points_in_table
from robotracer_ros.sim.tasks.task import KINDS, MEASURE, POINTS, TRACE, Goal, Task

__all__ = [
    "FAMILIES",
    "KINDS",
    "MEASURE",
    "POINTS",
    "TRACE",
    "Goal",
    "Task",
    "Verdict",
    "judge",
    "make_tasks",
    "points_in_table",
]
