"""Runs a node."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from launch.actions.execute_process import ExecuteProcess
from launch.logging import get_logger
from launch.substitutions.phrase import SomeSubstitutionsType, as_phrase, perform_phrase

from launch_ros.actions.set_parameter import group_parameter_arguments
from launch_ros.node_names import check, group_namespace, joined
from launch_ros.node_parameters import EVERY_NODE, parameter_arguments, ready_sources
from launch_ros.remap_rules import RemapRule, ready_rules, remap_arguments
from launch_ros.substitutions.executable_in_package import ExecutableInPackage

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext


class Node(ExecuteProcess):
    """Starts `executable` of `package` with the arguments that give a node its name, parameters and remappings.

    The rest is as for `ExecuteProcess`, among it `output`, `additional_env`, `on_exit` and `respawn`.
    """

    def __init__(
        self,
        *,
        executable: SomeSubstitutionsType,
        package: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None,
        namespace: SomeSubstitutionsType | None = None,
        exec_name: SomeSubstitutionsType | None = None,
        parameters: list[Any] | None = None,
        remappings: Iterable[RemapRule] | None = None,
        ros_arguments: Iterable[SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what the node is to be.

        `parameters` are dictionaries, paths of YAML files and `ParameterFile`s, the later ones win. `exec_name` is how
        output is labelled. Without `package` the executable is looked for on the PATH. Raises TypeError for values
        of other types.
        """
        path = executable if package is None else ExecutableInPackage(executable=executable, package=package)
        super().__init__(cmd=[path], name=exec_name, **kwargs)
        if parameters is not None and not isinstance(parameters, list):
            raise TypeError(
                f"'Node' expected 'parameters' to be one of [{list}], but got '{parameters}' "
                f"of type '{type(parameters)}'"
            )
        self.__label = f"package={package}, executable={executable}, name={name}, namespace={namespace}"
        self.__name = None if name is None else as_phrase(name)
        self.__namespace = None if namespace is None else as_phrase(namespace)
        self.__parameters = ready_sources(parameters or [])
        self.__remappings = ready_rules(remappings or [])
        self.__ros_arguments = [as_phrase(word) for word in ros_arguments or ()]
        self.__arguments = [as_phrase(word) for word in arguments or ()]

    def command(self, context: LaunchContext) -> list[str]:
        """Return the command line, its own arguments first.

        Raises rclpy's InvalidNodeNameException or InvalidNamespaceException for names that are not valid.
        """
        own = [perform_phrase(context, word) for word in self.__arguments]
        ros = [perform_phrase(context, word) for word in self.__ros_arguments]
        cmd = [*super().command(context), *own, *(["--ros-args", *ros] if ros else []), "--ros-args"]
        name, namespace = self.__names(context)
        if name is not None:
            cmd += ["-r", f"__node:={name}"]
        if namespace is not None:
            cmd += ["-r", f"__ns:={namespace}"]
        qualified = EVERY_NODE if name is None or namespace is None else f"{namespace.rstrip('/')}/{name}"
        cmd += group_parameter_arguments(context)
        cmd += parameter_arguments(context, self.__parameters, qualified, __name__)
        return cmd + remap_arguments(context, self.__remappings)

    def __names(self, context: LaunchContext) -> tuple[str | None, str | None]:
        try:
            name = None if self.__name is None else perform_phrase(context, self.__name)
            given = None if self.__namespace is None else perform_phrase(context, self.__namespace)
            namespace = joined(group_namespace(context), given)
            check(name, namespace)
        except Exception:
            get_logger(__name__).error(
                f"Error while expanding or validating node name or namespace for '{self.__label}':"
            )
            raise
        return name, namespace
