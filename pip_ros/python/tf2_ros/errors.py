"""The exceptions of tf2: one base and five direct children, as upstream draws them.

TransformException
├── LookupException            a frame nobody has ever named, or a loop in the tree
├── ConnectivityException      two frames that no chain of transforms joins
├── ExtrapolationException     a stamp outside the samples that are kept
├── InvalidArgumentException   a frame name that is empty or begins with a slash
└── TimeoutException           for action based buffers; `Buffer` never raises it
"""


class TransformException(Exception):
    """Anything tf2 could not answer."""


class LookupException(TransformException):
    """A frame that no transform has named, or a tree that bites its tail."""


class ConnectivityException(TransformException):
    """Both frames are known, but no chain of transforms joins them."""


class ExtrapolationException(TransformException):
    """The stamp lies outside the samples kept for some edge on the way."""


class InvalidArgumentException(TransformException):
    """A frame name that tf2 does not allow."""


class TimeoutException(TransformException):
    """A remote buffer did not answer in time; kept for `except` clauses, never raised here."""
