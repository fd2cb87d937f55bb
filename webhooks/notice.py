"""What Gmail publishes to Pub/Sub: `{"emailAddress": …, "historyId": …}`, pushed or pulled, wrapped or not."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from domain.address import canonical


def told_address(data: bytes) -> str | None:
    """The mail address that a notification tells of, in canonical spelling; None for anything else.

    The history id beside it is no cursor, and is not used.
    """
    return _address(_json_object(data))


def pushed_address(body: bytes) -> str | None:
    """The same of a push's body: wrapped (`message.data`) or unwrapped."""
    document = _json_object(body)
    message = document.get("message")
    return told_address(decoded(message.get("data"))) if isinstance(message, dict) else _address(document)


def decoded(data: Any) -> bytes:
    """A message's `data`, b"" for anything else.

    Both alphabets of base64 occur. Without `validate` Python would drop the characters of the other one.
    """
    if not isinstance(data, str) or not data.isascii():
        return b""
    text = data.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _address(document: dict[str, Any]) -> str | None:
    address, history_id = document.get("emailAddress"), document.get("historyId")
    if not isinstance(address, str) or isinstance(history_id, bool) or not isinstance(history_id, (str, int)):
        return None
    return canonical(address) if str(history_id).isascii() and str(history_id).isdecimal() else None


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
