"""The error of a substitution that has no text to stand for."""


class SubstitutionFailure(RuntimeError):
    """Raised by `Substitution.perform`."""
