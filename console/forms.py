"""What people send with a form: read defensively, nothing in it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import ValidationError


def told(form: Mapping[str, Any], name: str, limit: int = 2_000) -> str:
    return str(form.get(name, ""))[:limit].strip()


def lines(form: Mapping[str, Any], name: str) -> list[str]:
    """One value a line."""
    return [line.strip() for line in told(form, name, 20_000).splitlines() if line.strip()]


def some_id(form: Mapping[str, Any], name: str) -> UUID | None:
    """A chosen id; None when nothing, or nothing that is one, was chosen."""
    try:
        return UUID(told(form, name, 40))
    except ValueError:
        return None


def faults(error: ValidationError) -> list[str]:
    """What is wrong, a line each: the field, and what to do about it."""
    said = []
    for fault in error.errors()[:10]:
        where = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        said.append(f"{where}: {message}" if where else message)
    return said
