"""Tabletop scenes: a seed gives a table with named objects, what stands behind it, light, and a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from robotracer_ros.errors import InvalidRequest
from robotracer_ros.geometry.arrays import FloatArray, frozen_floats
from robotracer_ros.geometry.camera import CameraIntrinsics
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.sim.catalogue import COLOURS, HELD_OUT_PAIRS, SHAPES, SIZE_STEPS, Split, pairs
from robotracer_ros.sim.look import Look, sample_look
from robotracer_ros.sim.viewpoint import CAMERA_FRAME, TABLE_FRAME, sample_viewpoint

# Radius around the table's centre that objects stand in, and the least gap between two, metres.
REACH_M: Final = 0.30
GAP_M: Final = 0.015
MIN_OBJECTS: Final = 3
MAX_OBJECTS: Final = 10
_PLACES_TRIED: Final = 60
_SCENES_TRIED: Final = 100
_SPLIT_CODES: Final = {Split.TRAIN: 1, Split.VALIDATION: 2, Split.TEST: 3}
# How often a scene holds several of one kind, which only "the second from the left" or "the largest" tells apart.
_SHARE_OF_DUPLICATES: Final = 0.4
# How often an object of a test scene is of a pair that training never saw.
_SHARE_HELD_OUT: Final = 0.25
# Objects stay this far inside the picture, as a share of its width and height.
_PICTURE_MARGIN: Final = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class SceneObject:
    """One named thing, standing upright.

    Attributes:
        shape: one of `SHAPES`.
        colour: one of `COLOURS`.
        size_m: (3,) full extents of the box around it before it is turned, metres.
        centre_m: (3,) centre of that box in the table frame, metres.
        yaw_rad: about the table's z.
        label: its number in a segmentation, from 1.
    """

    shape: str
    colour: str
    size_m: FloatArray
    centre_m: FloatArray
    yaw_rad: float
    label: int

    def __post_init__(self) -> None:
        if self.shape not in SHAPES or self.colour not in COLOURS:
            raise InvalidRequest(
                f"there is no {self.colour!r} {self.shape!r}; colours: {', '.join(COLOURS)}; "
                f"shapes: {', '.join(SHAPES)}"
            )
        object.__setattr__(self, "size_m", frozen_floats("size_m", self.size_m, (3,)))
        object.__setattr__(self, "centre_m", frozen_floats("centre_m", self.centre_m, (3,)))

    @property
    def name(self) -> str:
        """Such as "red block"."""
        return f"{self.colour} {self.shape}"

    @property
    def top_m(self) -> float:
        """Height of its top over the table, metres."""
        return float(self.centre_m[2] + self.size_m[2] / 2)

    @property
    def radius_m(self) -> float:
        """Of the circle around it seen from above, metres."""
        return footprint_radius_m(self.shape, self.size_m)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A set table with a camera in front of it; a split and a seed give the same one everywhere.

    Attributes:
        objects: in the order of their labels.
        intrinsics: of the camera's picture.
        table_from_camera: the camera's optical frame (REP 103) seen from the table.
        look: textures, lights and what stands behind.
    """

    split: Split
    seed: int
    objects: tuple[SceneObject, ...]
    intrinsics: CameraIntrinsics
    table_from_camera: RigidTransform
    look: Look

    @classmethod
    def sample(cls, split: Split, seed: int) -> Scene:
        """The scene of a seed from 0.

        Raises:
            InvalidRequest: for a negative seed.
        """
        if seed < 0:
            raise InvalidRequest(f"a scene's seed must be at least 0, received {seed}")
        rng = np.random.default_rng([_SPLIT_CODES[split], seed])
        for _ in range(_SCENES_TRIED):
            intrinsics, table_from_camera = sample_viewpoint(rng, split)
            objects = _placed(rng, _kinds(rng, split), intrinsics, table_from_camera.inverse())
            if len(objects) >= MIN_OBJECTS:
                return cls(split, seed, objects, intrinsics, table_from_camera, sample_look(rng))
        raise InvalidRequest(f"no table could be set for {split.value} seed {seed}")

    @property
    def camera_from_table(self) -> RigidTransform:
        """Carries points of the table frame into the camera's."""
        return self.table_from_camera.inverse()

    def project(self, points_m: FloatArray) -> FloatArray:
        """(N, 3) u and v in thousandths of the picture and depth in metres of (N, 3) points of the table frame."""
        seen = self.camera_from_table.apply(points_m)
        pixels = self.intrinsics.project(seen)
        size = (self.intrinsics.width, self.intrinsics.height)
        return np.column_stack([pixels / size * 1000.0, seen[:, 2]])


def footprint_radius_m(shape: str, size_m: FloatArray) -> float:
    """Radius of the circle around an object seen from above, metres."""
    across = size_m[:2].max() if SHAPES[shape].round_ else float(np.hypot(*size_m[:2]))
    return float(across / 2)


def mesh_size_m(shape: str, step: int) -> FloatArray:
    """(3,) extents of a meshed shape's size, ``step`` from 0 (small) to `SIZE_STEPS` - 1 (large)."""
    smallest, largest = np.array(SHAPES[shape].sizes_m)
    return np.asarray(smallest + (largest - smallest) * step / (SIZE_STEPS - 1))


def _kinds(rng: np.random.Generator, split: Split) -> list[tuple[str, str]]:
    """(colour, shape) of each object to place; several alike in a share of the scenes."""
    known = pairs(split)
    held_out = sorted(HELD_OUT_PAIRS) if split is Split.TEST else []
    count = int(rng.integers(MIN_OBJECTS, MAX_OBJECTS + 1))
    kinds: list[tuple[str, str]] = []
    if rng.random() < _SHARE_OF_DUPLICATES:
        kinds += [known[rng.integers(len(known))]] * int(rng.integers(2, 5))
    while len(kinds) < count:
        among = held_out if held_out and rng.random() < _SHARE_HELD_OUT else known
        kinds.append(among[rng.integers(len(among))])
    # Large things first: they would find no place later.
    return sorted(kinds, key=lambda kind: -SHAPES[kind[1]].sizes_m[1][0])


def _placed(
    rng: np.random.Generator,
    kinds: list[tuple[str, str]],
    intrinsics: CameraIntrinsics,
    camera_from_table: RigidTransform,
) -> tuple[SceneObject, ...]:
    """Objects that neither touch each other nor leave the picture; one that finds no place is left out."""
    placed: list[SceneObject] = []
    for colour, shape in kinds:
        size_m = _size_m(rng, shape)
        radius_m = footprint_radius_m(shape, size_m)
        for _ in range(_PLACES_TRIED):
            angle, distance_m = rng.uniform(0, 2 * np.pi), REACH_M * np.sqrt(rng.random())
            centre_m = np.array([distance_m * np.cos(angle), distance_m * np.sin(angle), size_m[2] / 2])
            yaw_rad = float(rng.uniform(0, 2 * np.pi))
            clear = all(
                np.hypot(*(centre_m - other.centre_m)[:2]) > radius_m + other.radius_m + GAP_M for other in placed
            )
            if clear and _in_picture(intrinsics, camera_from_table, centre_m, size_m):
                placed.append(SceneObject(shape, colour, size_m, centre_m, yaw_rad, len(placed) + 1))
                break
    return tuple(placed)


def _size_m(rng: np.random.Generator, shape: str) -> FloatArray:
    if SHAPES[shape].meshed:
        return mesh_size_m(shape, int(rng.integers(SIZE_STEPS)))
    smallest, largest = np.array(SHAPES[shape].sizes_m)
    share = rng.random(3)
    if SHAPES[shape].round_:
        share[1] = share[0]
    if shape in ("ball", "block"):
        # A block is close to a cube: seen from a corner, a lath would be taken for something else.
        share[:] = np.clip(share[0] + (rng.uniform(-0.2, 0.2, 3) if shape == "block" else 0.0), 0.0, 1.0)
    return np.asarray(smallest + (largest - smallest) * share)


def _in_picture(
    intrinsics: CameraIntrinsics, camera_from_table: RigidTransform, centre_m: FloatArray, size_m: FloatArray
) -> bool:
    half = max(size_m[:2]) / 2
    corners = centre_m + np.array([[x, y, z] for x in (-half, half) for y in (-half, half) for z in (-0.5, 0.5)]) * (
        1.0,
        1.0,
        size_m[2],
    )
    seen = camera_from_table.apply(corners)
    if (seen[:, 2] < 0.1).any():
        return False
    share = (intrinsics.project(seen) + 0.5) / (intrinsics.width, intrinsics.height)
    return bool(((share > _PICTURE_MARGIN) & (share < 1 - _PICTURE_MARGIN)).all())


__all__ = ["CAMERA_FRAME", "TABLE_FRAME", "Scene", "SceneObject", "footprint_radius_m", "mesh_size_m"]
