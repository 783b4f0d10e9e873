"""An event: something that has happened and that handlers may answer."""


class Event:
    """Base of events."""
