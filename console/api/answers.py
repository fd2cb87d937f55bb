"""What an operation answers: its model as JSON, or a page of a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from console.api import paging
from console.api.models import Page


def json_answer(model: BaseModel) -> web.Response:
    return web.Response(text=model.model_dump_json(), content_type="application/json")


def page_answer(items: list[Any], rows: Sequence[Any], limit: int, key: Callable[[Any], list[Any]]) -> web.Response:
    """The first `limit` items; one row more than that says that there is a next page, which begins after `key`."""
    following = paging.encode(key(rows[limit - 1])) if len(rows) > limit else None
    return json_answer(Page[Any](items=items[:limit], next=following))


def cut_answer(query: Mapping[str, str], items: Sequence[Any]) -> web.Response:
    """A page of a list that is short by nature and was read whole. Raises Problem (400)."""
    wanted = paging.parse(paging.PageQuery, query)
    (start,) = paging.decode(wanted.cursor, paging.sequence) or [0]
    end = start + wanted.limit
    following = paging.encode([end]) if end < len(items) else None
    return json_answer(Page[Any](items=list(items[start:end]), next=following))
