"""The one kind of error that a person can put right."""


class DevError(Exception):
    """Ends `postroom dev` with exit status 1; its text is one clear sentence for a person."""
