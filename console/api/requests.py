"""What an operation is sent: read whole, within its limit, and checked against its model."""

from __future__ import annotations

from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from console.api.problems import Problem
from console.calls import ApiCall

B = TypeVar("B", bound=BaseModel)

# How many faults of a body are told at once.
_TOLD = 10


async def read(request: web.Request, limit: int) -> bytes:
    """The body, decompressed. Raises Problem (413) as soon as there is more than `limit` bytes of it."""
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > limit:
            raise Problem(413, f"Send at most {limit} bytes.")
    return bytes(body)


def parse(call: ApiCall, model: type[B]) -> B:
    """The JSON body as its model. Raises Problem (422) naming every fault."""
    if rb"\u0000" in call.body:
        raise Problem(422, "Leave out the character NUL (`\\u0000`): no text holds it.")
    try:
        return model.model_validate_json(call.body)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:_TOLD])
        raise Problem(422, f"This is not what the operation takes: {faults}.") from None
