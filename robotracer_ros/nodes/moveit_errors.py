"""What goes wrong, in MoveIt's codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from moveit_msgs.msg import MoveItErrorCodes

from robotracer_ros.errors import MotionError, RobotracerError
from robotracer_ros.motion.calls import constant_name


class CodedError(MotionError):
    """A failure that one of MoveIt's codes stands for.

    Args:
        moveit_code: a constant of MoveItErrorCodes.
        sentence: what failed, what was received and what would be accepted.
    """

    def __init__(self, moveit_code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.moveit_code = moveit_code


@contextmanager
def answered_as(moveit_code: int, about: str = "") -> Iterator[None]:
    """Give every error of a ``with`` block this code, unless it has one, and say ``about`` what it is."""
    try:
        yield
    except CodedError:
        raise
    except RobotracerError as error:
        raise CodedError(moveit_code, f"{about}: {error}" if about else str(error)) from error


def error_code_to_msg(moveit_code: int, sentence: str = "", source: str = "") -> MoveItErrorCodes:
    """With the sentence and who says it, where the message has fields for them: Humble's has none."""
    message = MoveItErrorCodes(val=moveit_code)
    for name, value in (("message", sentence), ("source", source)):
        if hasattr(message, name):
            setattr(message, name, value)
    return message


def code_name(moveit_code: int) -> str:
    """Such as "NO_IK_SOLUTION"; the number for one that MoveIt does not have."""
    return constant_name(MoveItErrorCodes, moveit_code)
