"""The exceptions of this package, one tree, each with the code that the ROS interfaces answer with.

::

    RobotracerError
    ├── InvalidRequest            an argument, a parameter or a file of the caller
    ├── Busy                      a second request while one is running
    ├── NotActive                 a request while the node is not active
    ├── CameraError
    │   ├── NoImage               nothing arrived
    │   ├── StaleImage            the newest frame is too old
    │   ├── UnmatchedImages       colour and depth never share a stamp within the slop
    │   ├── BadImage              an image that contradicts its own header
    │   ├── UnsupportedEncoding   an encoding or compression that is not read here
    │   ├── BadCameraInfo         an uncalibrated or impossible camera
    │   └── NoDepth               neither the camera nor the model gave a depth
    ├── FrameError
    │   ├── NoTransform           TF has no path, or none at that time
    │   └── FrameMismatch         two transforms or points in different frames
    ├── BackendError
    │   ├── BackendUnavailable    no connection, no checkpoint, no device
    │   ├── BackendTimeout        no answer in time
    │   ├── BackendFailed         an answer that is not one
    │   └── NoRecordedAnswer      replay has nothing for this question
    ├── AnswerError
    │   ├── NoTrace               the model answered without naming a point
    │   ├── UnreadableAnswer      coordinates in a shape this family does not use
    │   ├── PointOutsideImage     a coordinate beyond the image
    │   └── NonPositiveDepth      a depth that is zero, negative or not finite
    ├── PlanningError             a trace no path can be made of
    └── MotionError               the robot did not follow to the end; it stands
        ├── MotionRefused         a motion that must not be followed; nothing moved
        └── Cancelled             whoever asked for the motion took it back

``code`` and ``code_name`` are the constants of ``GetTrace.srv``, ``Ask.srv`` and ``FollowTrace.action``.
Every message says what failed, what was received and what would be accepted.
"""

from __future__ import annotations

from typing import ClassVar


class RobotracerError(Exception):
    """Anything this package refuses or fails at; ``str(error)`` is one sentence for a person."""

    code: ClassVar[int] = 99
    code_name: ClassVar[str] = "INTERNAL"


def error_of(code: int) -> type[RobotracerError]:
    """The class that answers with a code: for passing on what another node answered.

    Codes that nobody here answers with are faults of that node.
    """
    classes = [RobotracerError]
    for found in classes:
        classes += found.__subclasses__()
    return next((found for found in reversed(classes) if found.code == code), RobotracerError)


class InvalidRequest(RobotracerError, ValueError):
    """An argument, a parameter or a file of the caller cannot be used."""

    code = 1
    code_name = "INVALID_REQUEST"


class Busy(RobotracerError):
    """Another request is running; one runs at a time."""

    code = 2
    code_name = "BUSY"


class NotActive(RobotracerError):
    """The node is not in its active state."""

    code = 3
    code_name = "NOT_ACTIVE"


class CameraError(RobotracerError):
    """The camera's topics or files do not give a usable observation."""

    code = 13
    code_name = "BAD_IMAGE"


class NoImage(CameraError):
    """No frame arrived at all."""

    code = 10
    code_name = "NO_IMAGE"


class StaleImage(CameraError):
    """The newest frame is older than allowed."""

    code = 11
    code_name = "STALE_IMAGE"


class UnmatchedImages(CameraError):
    """Frames arrive, but no colour image has a depth image within the slop."""

    code = 12
    code_name = "UNMATCHED_IMAGES"


class BadImage(CameraError):
    """An image without pixels, or one whose data contradict its size, step or encoding."""

    code = 13
    code_name = "BAD_IMAGE"


class UnsupportedEncoding(CameraError):
    """An image encoding or compression that is not read here."""

    code = 14
    code_name = "UNSUPPORTED_ENCODING"


class BadCameraInfo(CameraError):
    """Intrinsics that are missing, zero, not finite, or of an unknown distortion model."""

    code = 15
    code_name = "BAD_CAMERA_INFO"


class NoDepth(CameraError):
    """Neither the camera nor the model says how far a point is; it is never guessed."""

    code = 16
    code_name = "NO_DEPTH"


class FrameError(RobotracerError):
    """A question of frames."""

    code = 20
    code_name = "NO_TRANSFORM"


class NoTransform(FrameError):
    """TF cannot carry one frame into the other at that time."""

    code = 20
    code_name = "NO_TRANSFORM"


class FrameMismatch(FrameError, ValueError):
    """Two things were combined that stand in different frames."""

    code = 21
    code_name = "FRAME_MISMATCH"


class BackendError(RobotracerError):
    """The model could not be asked."""

    code = 32
    code_name = "BACKEND_FAILED"


class BackendUnavailable(BackendError):
    """The model or its server is not there."""

    code = 30
    code_name = "BACKEND_UNAVAILABLE"


class BackendTimeout(BackendError, TimeoutError):
    """The model did not answer in time."""

    code = 31
    code_name = "BACKEND_TIMEOUT"


class BackendFailed(BackendError):
    """The model or its server answered with an error, or with something that is no answer."""

    code = 32
    code_name = "BACKEND_FAILED"


class NoRecordedAnswer(BackendError, LookupError):
    """The recording holds no answer to this question."""

    code = 33
    code_name = "NO_RECORDED_ANSWER"


class AnswerError(RobotracerError, ValueError):
    """The model answered, and its words give no usable trace."""

    code = 41
    code_name = "UNREADABLE_ANSWER"


class NoTrace(AnswerError):
    """The answer names no point: empty, a refusal, or cut off before the first point."""

    code = 40
    code_name = "NO_TRACE"


class UnreadableAnswer(AnswerError):
    """The answer holds coordinates in a shape this family does not use."""

    code = 41
    code_name = "UNREADABLE_ANSWER"


class PointOutsideImage(AnswerError):
    """A point of the answer lies beyond the image."""

    code = 42
    code_name = "POINT_OUTSIDE_IMAGE"


class NonPositiveDepth(AnswerError):
    """A depth of the answer is zero, negative or not finite."""

    code = 43
    code_name = "NON_POSITIVE_DEPTH"


class PlanningError(RobotracerError, ValueError):
    """No path can be made of this trace with these settings."""

    code = 50
    code_name = "PLANNING_FAILED"


class MotionError(RobotracerError):
    """The robot does not follow, or did not to the end."""

    code = 62
    code_name = "MOTION_FAILED"


class MotionRefused(MotionError):
    """A motion breaks a rule and is not begun."""

    code = 61
    code_name = "MOTION_REFUSED"


class Cancelled(MotionError):
    """Whoever asked for the motion took it back, and the robot was stopped."""

    code = 60
    code_name = "CANCELLED"
