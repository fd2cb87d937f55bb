"""What somebody wrote into a form that could not be taken: shown to them again, and stored nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

# Not shown, not even to whoever has just typed it.
_SECRET: Final = frozenset({"csrf", "password", "again", "current", "client_secret", "key", "code", "state"})


def texts(form: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, text) in the form's order, without secrets, files, and what the page itself had filled in."""
    return [
        (name, value)
        for name, value in form.items()
        if isinstance(value, str) and value.strip() and name not in _SECRET and not _is_ours(name, value)
    ]


def _is_ours(name: str, value: str) -> bool:
    """Whether it is an id that was chosen from a list, or what a field was before."""
    try:
        UUID(value)
    except ValueError:
        return name.startswith("was.")
    return True
