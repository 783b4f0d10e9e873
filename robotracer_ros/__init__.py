"""Robot motions from plain words: a vision-language model's answer, turned into waypoints in the robot's own frame."""

# The generated msg, srv and action packages are installed elsewhere; this lets them appear beside the sources, wherever
# either lies.
__path__ = __import__("pkgutil").extend_path(__path__, __name__)
