"""Keyset pages: an opaque cursor that says after which key the next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console.api.problems import Problem

Q = TypeVar("Q", bound="PageQuery")

MAX_LIMIT = 200


class PageQuery(BaseModel):
    """The parameters of every list."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(default=None, max_length=500, description="`next` of the previous page")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT, description="items a page")


def parse(model: type[Q], query: Mapping[str, str]) -> Q:
    """Raises Problem (400) naming every parameter that is unknown or wrong."""
    try:
        # Nobody looks for NUL, and Postgres does not take it.
        return model.model_validate({name: value.replace("\0", "") for name, value in query.items()})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        known = ", ".join(model.model_fields)
        raise Problem(400, f"Correct these query parameters: {faults}. Known are {known}.") from None


def encode(key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, default=str).encode()).decode().rstrip("=")


def decode(cursor: str | None, *kinds: Callable[[Any], Any]) -> list[Any] | None:
    """The key in a cursor of ours, each part through its kind. Raises Problem (400) for anything else."""
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise ValueError
        return [kind(part) for kind, part in zip(kinds, parts, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        raise Problem(400, "This cursor is none of ours: pass `next` of the previous page, or leave it out.") from None


def text(value: Any) -> str:
    """A text that Postgres takes."""
    if not isinstance(value, str) or "\0" in value or len(value) > 1000:
        raise ValueError
    value.encode()
    return value


def sequence(value: Any) -> int:
    """A bigint that Postgres takes."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise ValueError
    return value
