"""The parameters of trace_node: what they mean, and what is built from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rclpy.node import Node

from robotracer_ros.backends import BACKENDS, open_backend
from robotracer_ros.backends.deadline import Deadline
from robotracer_ros.backends.query_dialects import ROBOTRACER_MODES
from robotracer_ros.backends.transformers_local import DTYPES
from robotracer_ros.checkpoints import DEFAULT_CHECKPOINT
from robotracer_ros.errors import InvalidRequest
from robotracer_ros.families import FAMILIES, open_family
from robotracer_ros.geometry.lifting import CONTACTS, LiftSettings
from robotracer_ros.planning import PathSettings
from robotracer_ros.planning.settings import ORIENTATIONS, PATH_KINDS
from robotracer_ros.ros.params import Parameter, read
from robotracer_ros.ros.rgbd_settings import TRANSPORT_SUFFIX, RgbdSettings
from robotracer_ros.tracer import Tracer

# Whether an image is rectified: by its topic's name, or as the user says.
_RECTIFIED: Final = {"auto": None, "always": True, "never": False}
_FAR_M: Final = 10.0

TRACE_PARAMETERS: Final = (
    Parameter("autostart", True, "configure and activate at once; false waits for a lifecycle manager", read_only=True),
    Parameter("target_frame", "base_link", "frame of the answers, when a request names none; z up"),
    Parameter("timeout_s", 30.0, "time for a whole request, when it names none", unit="s", low=0.01, high=3600.0),
    # The model
    Parameter("family", "robotracer", "how the model is asked and read", choices=tuple(FAMILIES)),
    Parameter("backend", "transformers_local", "where the model runs", choices=tuple(BACKENDS)),
    Parameter("record", "", 'file that every answer is appended to, in the form that replay reads; "" for none'),
    Parameter("transformers_local.model", DEFAULT_CHECKPOINT,
              "checkpoint: one of this package, a folder, or a name on the Hugging Face hub"),
    Parameter("transformers_local.device", "auto", "auto (a GPU where there is one), cpu, cuda or cuda:N"),
    Parameter("transformers_local.dtype", "auto", "of the weights; auto: bfloat16 on a GPU, float32 on a CPU",
              choices=DTYPES),
    Parameter("transformers_local.mode", "", 'cues a RoboTracer is given; "" for all there are',
              choices=("", *ROBOTRACER_MODES)),
    Parameter("transformers_local.constrained", False, "let the model say only what can be read; needs llguidance"),
    Parameter("transformers_local.compile", True, "on a GPU, decode with a compiled model where it supports that"),
    Parameter("transformers_local.trust_remote_code", False, "run Python code that the checkpoint brings"),
    Parameter("transformers_local.threads", 0, "of the CPU, 0 for torch's own choice", low=0, high=1024),
    Parameter("transformers_local.max_new_tokens", 1024, "longest answer, whatever is asked for", low=1, high=32768),
    Parameter("replay.answers", "", "recorded answers (JSONL) that the backend replay answers from"),
    Parameter("query_api.url", "", "address of a model server, such as http://gpu-server:25547"),
    Parameter("query_api.dialect", "robotracer", "robotracer (file paths in shared_dir) or roborefer (base64)"),
    Parameter("query_api.mode", "", 'cues the server is given, such as RGB+encoder; "" for all there are'),
    Parameter("query_api.shared_dir", "", "directory that this machine and the server see under the same path"),
    Parameter("query_api.retries", 2, "times to try again when the connection fails", low=0, high=10),
    Parameter("query_api.connect_timeout_s", 3.0, "time to reach the server", unit="s", low=0.01, high=60.0),
    # The camera
    Parameter("use_depth", True, "subscribe to depth; false for a colour camera and a model that gives depth"),
    Parameter("image_transport", "raw", "of the colour image", choices=("raw", "compressed")),
    Parameter("depth_transport", "raw", "of the depth image", choices=tuple(TRANSPORT_SUFFIX)),
    Parameter("rectified", "auto", "whether colour is rectified; auto: by the topic's name", choices=tuple(_RECTIFIED)),
    Parameter("depth_unit_m", 0.001, "length of one count of a 16 bit depth image", unit="m", low=1e-6, high=1.0),
    Parameter("sync_slop", 0.02, "how far the stamps of colour and depth may differ", unit="s", low=0.0, high=1.0),
    Parameter("max_age_s", 1.0, "oldest image a request accepts", unit="s", low=0.01, high=3600.0),
    Parameter("observation_timeout_s", 2.0, "how long to wait for a pair of images", unit="s", low=0.0, high=60.0),
    Parameter("transform_timeout_s", 1.0, "how long to wait for TF at the image's stamp", unit="s", low=0.0, high=60.0),
    Parameter("tf_cache_s", 30.0, "how far back TF is remembered", unit="s", low=1.0, high=600.0),
    # Lifting
    Parameter("lift.window", 0.004, "half side of the square read at a contact, per image width", low=0.001, high=0.1),
    Parameter("lift.reach", 0.03, "the same for the widest search, where that is all holes", low=0.001, high=0.5),
    Parameter("lift.clearance_m", 0.03, "how far a 2D trace keeps before surfaces", unit="m", low=0.0, high=0.99),
    Parameter("lift.contacts", "ends", "which points touch a surface and take the sensor's depth", choices=CONTACTS),
    # The path
    Parameter("path.kind", "arm", "arm: as traced; ground: on the ground plane, yaw along the way", choices=PATH_KINDS),
    Parameter("path.spacing_m", 0.02, "longest step between two poses", unit="m", low=0.001, high=1.0),
    Parameter("path.smoothing_m", 0.0, "size of detail ironed out, 0 for none", unit="m", low=0.0, high=1.0),
    Parameter("path.orientation", "tool_down", "of the tool along an arm's path", choices=ORIENTATIONS),
    Parameter("path.tool_frame", "tool0", "frame whose orientation keep_current keeps"),
    Parameter("path.workspace_min_m", [-_FAR_M] * 3, "corner of the box that poses are checked against", unit="m"),
    Parameter("path.workspace_max_m", [_FAR_M] * 3, "the opposite corner", unit="m"),
    Parameter("path.clearance_m", 0.03, "least distance to surfaces, 0 for no check", unit="m", low=0.0, high=1.0),
    Parameter("path.contact_radius_m", 0.08, "around the ends, where touching is meant", unit="m", low=0.0, high=1.0),
    Parameter("path.object_radius_m", 0.15, "largest reach of the carried object", unit="m", low=0.001, high=2.0),
    Parameter("path.normal_radius_m", 0.02, "patch that surface_normal fits a plane to", unit="m", low=0.001, high=1.0),
    Parameter("path.depth_tolerance_m", 0.01, "depth in a surface that counts as on it", unit="m", low=0.0, high=1.0),
    Parameter("path.obstacle_height_m", [0.05, 1.5], "heights over the ground that block a ground path", unit="m"),
    Parameter("path.max_points", 5000, "poses of a path, at most", low=2, high=100000),
    Parameter("path.ground_z_m", 0.0, "height of the ground in the target frame", unit="m", low=-100.0, high=100.0),
    # Pictures
    Parameter("overlay", True, "publish the picture with the trace drawn over it"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TraceParameters:
    """The values at one moment. Those of the model count when it configures, those of the camera's topics when it
    activates, the others at every request.
    """

    values: Mapping[str, Any]

    @classmethod
    def of(cls, node: Node) -> TraceParameters:
        """Read them from a node that declared `TRACE_PARAMETERS`."""
        return cls(read(node, TRACE_PARAMETERS))

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"trace_node has no parameter {name!r}") from None

    @property
    def keeps_orientation(self) -> bool:
        """Whether the tool's present orientation is needed."""
        return self.values["path.kind"] == "arm" and self.values["path.orientation"] == "keep_current"

    def check(self) -> None:
        """Refuse values that contradict each other now rather than at the first request.

        Raises:
            InvalidRequest: naming them.
        """
        self.path_settings([0.0, 0.0, 0.0, 1.0])
        self.rgbd_settings()
        self.lift_settings()

    def open_tracer(self) -> Tracer:
        """The model with everything around it; this loads it.

        Raises:
            InvalidRequest: for options the backend does not take, or lacks.
            BackendUnavailable: when the model is not there.
        """
        name = self.values["backend"]
        options = {**self._group(name), "record": self.values["record"]}
        try:
            backend = open_backend(name, options)
        except InvalidRequest as error:
            raise InvalidRequest(f"{error} (parameters {name}.* of trace_node)") from error
        return Tracer(open_family(self.values["family"]), Deadline(backend))

    def rgbd_settings(self) -> RgbdSettings:
        """How the camera is heard."""
        return RgbdSettings(
            use_depth=self.values["use_depth"],
            image_transport=self.values["image_transport"],
            depth_transport=self.values["depth_transport"],
            sync_slop_s=self.values["sync_slop"],
            depth_unit_m=self.values["depth_unit_m"],
            rectified=_RECTIFIED[self.values["rectified"]],
        )

    def path_settings(self, tool_quaternion_xyzw: Sequence[float] | None = None) -> PathSettings:
        """How paths are made; the tool's orientation is needed where it is kept."""
        group = self._group("path")
        group.pop("tool_frame")
        return PathSettings(**group, current_quaternion_xyzw=tool_quaternion_xyzw)

    def described(self) -> str:
        """The choices that matter most, for the log."""
        names = ("family", "backend", "target_frame", "lift.contacts", "path.kind", "path.orientation")
        return ", ".join(f"{name} {self.values[name]}" for name in names)

    def lift_settings(self) -> LiftSettings:
        """How points are lifted."""
        return LiftSettings(**self._group("lift"))

    def _group(self, name: str) -> dict[str, Any]:
        prefix = f"{name}."
        return {key.removeprefix(prefix): value for key, value in self.values.items() if key.startswith(prefix)}
