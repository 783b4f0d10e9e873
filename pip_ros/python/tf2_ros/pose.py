"""Rigid poses of plain floats: composition, inverse, interpolation, and the one quaternion tf2 reports of two.

A `Pose` named `a_from_b` takes coordinates in b to coordinates in a; quaternions are unit length, order xyzw.
"""

import math
from typing import NamedTuple

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


class Pose(NamedTuple):
    """`target_from_source`: a translation in metres in the target frame and a unit quaternion, xyzw."""

    translation_m: Vector
    rotation_xyzw: Quaternion

    def after(self, inner: "Pose") -> "Pose":
        """`a_from_b.after(b_from_c)` is `a_from_c`."""
        tx, ty, tz = self.translation_m
        x, y, z = _rotate(self.rotation_xyzw, inner.translation_m)
        return Pose((tx + x, ty + y, tz + z), _multiply(self.rotation_xyzw, inner.rotation_xyzw))

    def inverse(self) -> "Pose":
        """`a_from_b` turned into `b_from_a`."""
        x, y, z, w = self.rotation_xyzw
        back = (-x, -y, -z, w)
        tx, ty, tz = _rotate(back, self.translation_m)
        return Pose((-tx, -ty, -tz), back)


IDENTITY = Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def interpolate(earlier: Pose, later: Pose, ratio: float) -> Pose:
    """The pose at `ratio` in [0, 1] of the way: a straight line for the origin, the shorter arc for the rotation."""
    ax, ay, az = earlier.translation_m
    bx, by, bz = later.translation_m
    keep = 1.0 - ratio
    origin_m = (keep * ax + ratio * bx, keep * ay + ratio * by, keep * az + ratio * bz)
    return Pose(origin_m, _slerp(earlier.rotation_xyzw, later.rotation_xyzw, ratio))


def canonical(rotation_xyzw: Quaternion) -> Quaternion:
    """Unit length, and of q and -q the one tf2 reports.

    tf2 keeps rotations as matrices at its border, so the sign a sender chose is lost. Reading a quaternion back from
    a matrix gives w > 0 while the trace (4 w² - 1) is positive, else the largest of x, y, z is positive.
    """
    x, y, z, w = rotation_xyzw
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    x, y, z, w = x / norm, y / norm, z / norm, w / norm
    leading = w if 4.0 * w * w > 1.0 else max(x, y, z, key=abs)
    return (-x, -y, -z, -w) if leading < 0.0 else (x, y, z, w)


def _rotate(rotation_xyzw: Quaternion, vector: Vector) -> Vector:
    x, y, z, w = rotation_xyzw
    vx, vy, vz = vector
    cx, cy, cz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    return (vx + w * cx + y * cz - z * cy, vy + w * cy + z * cx - x * cz, vz + w * cz + x * cy - y * cx)


def _multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def _slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    # Rounding can push the product of two unit quaternions past 1, where acos is undefined.
    angle_rad = math.acos(min(1.0, abs(dot)))
    if angle_rad == 0.0:
        return a
    weight_a = math.sin((1.0 - ratio) * angle_rad) / math.sin(angle_rad)
    weight_b = math.copysign(math.sin(ratio * angle_rad) / math.sin(angle_rad), dot)
    x, y, z, w = (weight_a * p + weight_b * q for p, q in zip(a, b, strict=True))
    return (x, y, z, w)
