"""The one error of a release."""


class ReleaseError(Exception):
    """A release cannot be made of this; the message says what to do about it."""
