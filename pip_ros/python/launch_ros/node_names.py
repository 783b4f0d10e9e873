"""Names and namespaces of nodes: how they join and which are valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launch.launch_context import LaunchContext

# The launch configuration that carries the namespace of a group; it ends with the group like any other.
NAMESPACE = "ros_namespace"


def joined(outer: str | None, namespace: str | None) -> str | None:
    """Return `namespace` within `outer`, absolute and without a slash at the end; None where neither is given.

    A namespace that begins with a slash stands for itself, an empty one for `outer`.
    """
    if outer is None and namespace is None:
        return None
    if namespace is None or not namespace.startswith("/"):
        namespace = f"{(outer or '').rstrip('/')}/{namespace or ''}"
    return namespace.rstrip("/") or "/"


def group_namespace(context: LaunchContext) -> str | None:
    """Return the namespace that the enclosing groups give, None where they give none."""
    namespace: str | None = context.launch_configurations.get(NAMESPACE)
    return namespace


def check(name: str | None, namespace: str | None) -> None:
    """Raise rclpy's InvalidNodeNameException or InvalidNamespaceException where one of the two is not valid."""
    # The validators are the client library's own; loading it takes time that a launch without names need not spend.
    from rclpy.validate_namespace import validate_namespace
    from rclpy.validate_node_name import validate_node_name

    if name is not None:
        validate_node_name(name)
    if namespace is not None:
        validate_namespace(namespace)
