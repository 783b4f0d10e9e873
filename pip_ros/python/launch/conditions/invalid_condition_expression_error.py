"""The error of a condition that is neither true nor false."""


class InvalidConditionExpressionError(RuntimeError):
    """Raised by conditions."""
