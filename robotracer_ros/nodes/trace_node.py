"""trace_node: a sentence in, the newest RGB-D frame traced, lifted and planned, and the result published."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup

from robotracer_ros.errors import Busy, InvalidRequest, NotActive, RobotracerError
from robotracer_ros.families.family import require_mode, require_sentence
from robotracer_ros.geometry.transform import RigidTransform
from robotracer_ros.nodes.results import Results
from robotracer_ros.nodes.running import run
from robotracer_ros.nodes.self_starting import SelfStartingNode
from robotracer_ros.nodes.stages import Stages
from robotracer_ros.nodes.trace_parameters import TRACE_PARAMETERS, TraceParameters
from robotracer_ros.nodes.tracing import Tracing
from robotracer_ros.ros.diagnostics import Diagnostics, Report
from robotracer_ros.ros.frames import Frames
from robotracer_ros.ros.params import declare
from robotracer_ros.ros.qos import service_qos
from robotracer_ros.ros.rgbd import RgbdSubscriber
from robotracer_ros.srv import Ask, GetTrace
from robotracer_ros.tracer import Tracer


class TraceNode(SelfStartingNode):
    """The lifecycle node behind ``~/get_trace`` and ``~/ask``.

    Configuring loads the model, activating subscribes to the camera, deactivating lets go of the camera and cleaning
    up frees the model. Both services answer in every state; requests run one at a time.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("trace_node", **kwargs)
        declare(self, TRACE_PARAMETERS)
        self._running = threading.Lock()
        self._tracer: Tracer | None = None
        self._frames: Frames | None = None
        self._results: Results | None = None
        self._tracing: Tracing | None = None
        requests, qos = ReentrantCallbackGroup(), service_qos()
        self.create_service(GetTrace, "~/get_trace", self._get_trace, qos_profile=qos, callback_group=requests)
        self.create_service(Ask, "~/ask", self._ask, qos_profile=qos, callback_group=requests)
        self._diagnostics = Diagnostics(self, self._report)
        if TraceParameters.of(self).autostart:
            self._start_itself()

    # Transitions

    def _configure(self) -> None:
        parameters = TraceParameters.of(self)
        parameters.check()
        self._frames = Frames(self, parameters.tf_cache_s)
        self._results = Results(self)
        self._tracer = parameters.open_tracer()
        self.get_logger().info(f"configured: {parameters.described()}")

    def _activate(self) -> None:
        if self._frames is None or self._tracer is None:
            raise NotActive("cannot activate before configuring")
        rgbd = RgbdSubscriber(self, self._color_from_depth, TraceParameters.of(self).rgbd_settings())
        self._tracing = Tracing(rgbd, self._frames, self._tracer)
        self.get_logger().info(f"ready: ask {self.get_fully_qualified_name()}/get_trace")

    def _deactivate(self) -> None:
        tracing, self._tracing = self._tracing, None
        if tracing is not None:
            tracing.rgbd.close()

    def _clean_up(self) -> None:
        self._deactivate()
        parts = (self._tracer, self._frames, self._results)
        self._tracer = self._frames = self._results = None
        with ExitStack() as closing:  # all of them, also when a model cannot be freed
            for part in parts:
                if part is not None:
                    closing.callback(part.close)

    # Requests

    def _get_trace(self, request: GetTrace.Request, response: GetTrace.Response) -> GetTrace.Response:
        def answer(stages: Stages) -> None:
            tracing, parameters, results = self._active(), TraceParameters.of(self), self._results
            instruction, mode = require_sentence("instruction", request.instruction), require_mode(request.mode)
            target = request.target_frame or parameters.target_frame
            traced = tracing.trace(instruction, mode, target, parameters, stages)
            if self._tracing is not tracing or results is None:
                raise NotActive("the node was deactivated while the request ran; ask again when it is active")
            response.trace, response.path = results.publish(traced, stages.seconds)
            self._afterwards(lambda: results.show(traced, overlay=parameters.overlay))
            response.message = traced.warnings()

        return self._answered(request.timeout, response, answer)

    def _ask(self, request: Ask.Request, response: Ask.Response) -> Ask.Response:
        response.value_m = float("nan")

        def answer(stages: Stages) -> None:
            question = require_sentence("question", request.question)
            statement = self._active().ask(question, TraceParameters.of(self), stages)
            response.answer, response.model = statement.answer.text, statement.answer.model
            response.value_m = statement.value_m

        return self._answered(request.timeout, response, answer)

    def _answered(self, timeout_s: float, response: Any, answer: Callable[[Stages], None]) -> Any:
        """Fill a response, or its error: the one place where errors end."""
        try:
            stages = Stages(self._limit_s(timeout_s))
            with self._one_at_a_time():
                answer(stages)
        except RobotracerError as error:
            response.error_code, response.message = error.code, str(error)
            self.get_logger().warning(f"{error.code_name}: {error}")
            self._last.failed(error)
        except Exception as error:  # noqa: BLE001 - the border: a fault of ours is an answer too
            response.error_code, response.message = RobotracerError.code, f"a fault of the node: {error!r}"
            self.get_logger().error(f"a fault of the node in a request:\n{traceback.format_exc()}")
            self._last.failed(error)
        else:
            response.success = True
            self.get_logger().info(f"answered: {stages}" + (f"; {response.message}" if response.message else ""))
            self._last.answered(stages.seconds)
        return response

    def _limit_s(self, timeout_s: float) -> float:
        if not 0.0 <= timeout_s < float("inf"):
            raise InvalidRequest(f"timeout is {timeout_s:g} s; accepted: above 0 s, or 0 for the parameter timeout_s")
        return timeout_s or float(TraceParameters.of(self).timeout_s)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._running.acquire(blocking=False):
            raise Busy("another request is running; one runs at a time, ask again when it has been answered")
        try:
            yield
        finally:
            self._running.release()

    def _active(self) -> Tracing:
        if self._tracing is None:
            raise self._refused(
                "requests are answered when it is active: configure and activate it, or wait while autostart loads the "
                "model"
            )
        return self._tracing

    def _color_from_depth(self, target: str, source: str, stamp_ns: int) -> RigidTransform:
        timeout_s = TraceParameters.of(self).transform_timeout_s
        return self._active().frames.lookup(target, source, stamp_ns, timeout_s)

    def _afterwards(self, action: Callable[[], None]) -> None:
        """Run ``action`` when this callback has returned, so that it delays no answer."""

        def guarded() -> None:
            try:
                action()
            except Exception:  # noqa: BLE001 - an executor would end with the exception of a task
                self.get_logger().error(f"markers or overlay could not be published:\n{traceback.format_exc()}")

        executor = self.executor
        if executor is None:
            guarded()
        else:
            executor.create_task(guarded)

    def _report(self) -> Report:
        tracing = self._tracing
        return self._last.report(self._state, tracing and tracing.rgbd.counts())

    def settle(self, timeout_s: float) -> bool:
        """Let go of the camera and wait for the request that runs; whether it ended within ``timeout_s``."""
        self._deactivate()
        if not self._running.acquire(timeout=timeout_s):
            return False
        self._running.release()
        return True


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run(TraceNode, args, threads=4)


if __name__ == "__main__":
    sys.exit(main())
