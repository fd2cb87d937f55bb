"""What an operation answers: its model as JSON."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel


def json_answer(model: BaseModel) -> web.Response:
    return web.Response(text=model.model_dump_json(), content_type="application/json")
