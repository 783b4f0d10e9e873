"""What the tree looks like in words: the YAML behind the `tf2_frames` service, and a Graphviz drawing."""

from tf2_ros.frame_tree import FrameTree

# Keeps the rate finite for a fixed edge or a single sample (tf2's own bound).
SHORTEST_SPAN_S = 1e-4


def as_yaml(tree: FrameTree) -> str:
    """One mapping per edge that holds data: parent, sender, rate in Hz, stamps and buffered span in seconds."""
    if not tree.names():
        return "[]"
    return "".join(
        f"{child}: \n"
        f"  parent: '{parent}'\n"
        f"  broadcaster: '{authority}'\n"
        f"  rate: {rate_hz:.3f}\n"
        f"  most_recent_transform: {newest_s:.6f}\n"
        f"  oldest_transform: {oldest_s:.6f}\n"
        f"  buffer_length: {newest_s - oldest_s:.3f}\n"
        for child, parent, authority, rate_hz, oldest_s, newest_s in _rows(tree)
    )


def as_dot(tree: FrameTree) -> str:
    """A directed graph from parents to children, each arrow labelled with its sender and its rate in Hz."""
    arrows = "".join(
        f'"{parent}" -> "{child}" [label="Broadcaster: {authority}\\nAverage rate: {rate_hz:.3f} Hz\\n'
        f'Most recent transform: {newest_s:.3f}\\nBuffer length: {newest_s - oldest_s:.3f} s"];\n'
        for child, parent, authority, rate_hz, oldest_s, newest_s in _rows(tree)
    )
    return f"digraph G {{\n{arrows}}}"


def _rows(tree: FrameTree) -> list[tuple[str, str, str, float, float, float]]:
    rows = []
    for child, cache, authority in tree.edges():
        if len(cache) == 0:
            continue
        oldest_s, newest_s = (stamp_ns / 1e9 for stamp_ns in cache.span_ns())
        rate_hz = len(cache) / max(newest_s - oldest_s, SHORTEST_SPAN_S)
        rows.append((child, cache.latest().parent, authority, rate_hz, oldest_s, newest_s))
    return rows
