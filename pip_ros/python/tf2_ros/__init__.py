"""A stand-in for `tf2_ros` where ROS 2 comes from PyPI wheels, which lack it: transforms between frames over time.

It carries what nodes of this package and of its users call, under the upstream import names, and answers as tf2_ros
0.36.4 (Jazzy) was recorded to answer: values, exception classes, message texts, log lines, topics and QoS. It is never
put on a path where the genuine package is installed.
"""

from tf2_ros.buffer import Buffer
from tf2_ros.buffer_core import BufferCore
from tf2_ros.errors import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TimeoutException,
    TransformException,
)
from tf2_ros.static_transform_broadcaster import StaticTransformBroadcaster
from tf2_ros.transform_broadcaster import TransformBroadcaster
from tf2_ros.transform_listener import TransformListener

__all__ = [
    "Buffer",
    "BufferCore",
    "ConnectivityException",
    "ExtrapolationException",
    "InvalidArgumentException",
    "LookupException",
    "StaticTransformBroadcaster",
    "TimeoutException",
    "TransformBroadcaster",
    "TransformException",
    "TransformListener",
]
