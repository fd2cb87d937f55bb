"""`messages.get?format=raw` as a stream: the message's bytes are decoded as they arrive, never held as a whole."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from providers.base import Transient

# Nothing before or after the bytes of the message comes near this.
_FRAME_LIMIT = 256 * 1024
_BEGIN = re.compile(rb'"raw"\s*:\s*"')
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class RawMessage:
    """Fed with the JSON answer's chunks, gives the decoded chunks of `raw`; afterwards `fields` has all the rest.

    `raw` is base64url with or without padding, whose "=" may be escaped as \\u003d. The fields asked for hold no free
    text, so `"raw"` cannot appear in another field's value.
    """

    def __init__(self) -> None:
        self._frame = bytearray()
        self._begun = self._ended = False
        self._pending = b""

    def feed(self, chunk: bytes) -> bytes:
        """The decoded bytes that this chunk completes. Raises Transient for an answer that is none."""
        if self._ended:
            return self._outside(chunk)
        if not self._begun:
            self._outside(chunk)
            match = _BEGIN.search(self._frame)
            if match is None:
                return b""
            self._begun = True
            chunk = bytes(self._frame[match.end() :])
            del self._frame[match.end() :]
        text, quote, rest = chunk.partition(b'"')
        if quote:
            self._ended = True
            self._outside(quote + rest)
        return self._decode(text, last=bool(quote))

    def fields(self) -> dict[str, Any]:
        """Everything but `raw`. Raises Transient when the answer ended too early."""
        if not self._ended:
            raise Transient("the message was cut off on its way")
        try:
            fields = json.loads(bytes(self._frame))
        except ValueError:
            raise Transient("Gmail's answer was not JSON") from None
        if not isinstance(fields, dict):
            raise Transient("Gmail's answer was no message")
        return fields

    def _outside(self, chunk: bytes) -> bytes:
        self._frame += chunk
        if len(self._frame) > _FRAME_LIMIT and not _BEGIN.search(self._frame):
            raise Transient("Gmail's answer was no message")
        return b""

    def _decode(self, text: bytes, *, last: bool) -> bytes:
        text = self._pending + text
        # An escape can only be the padding, so everything from the first backslash on is held back.
        body, slash, escaped = text.partition(b"\\")
        tail = slash + escaped
        usable = len(body) - len(body) % 4 if not last else len(body)
        self._pending = body[usable:] + tail
        if last and tail.replace(b"\\u003d", b"") != b"":
            raise Transient("the message was not base64url")
        block = body[:usable].rstrip(b"=") if last else body[:usable]
        try:
            return base64.b64decode(block.translate(_TO_STANDARD) + b"=" * (-len(block) % 4), validate=True)
        except binascii.Error:
            raise Transient("the message was not base64url") from None
