"""A key server's public keys (RFC 7517), fetched in the background of many verifications.

An unknown key id asks again, at most twice a minute; while the server is away the known keys go on being used.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

log = structlog.get_logger("webhooks")

REFRESH_AT_MOST = 30.0
_SHORTEST, _LONGEST = 300.0, 86_400.0
_MAX_AGE = re.compile(r"max-age=(\d{1,9})")
_ANSWER_LIMIT = 256 * 1024


class Unavailable(Exception):
    """No key was ever fetched: nothing can be verified, and nothing is refused either."""


class Jwks:
    """RSA keys by id. `key` is safe to call from many tasks at once."""

    def __init__(self, http: aiohttp.ClientSession, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._url = url
        self._clock = clock
        self._keys: dict[str, RSAKey] = {}
        self._stale_at = self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key(self, key_id: str) -> RSAKey | None:
        """None for an id that the server does not have. Raises Unavailable."""
        key = self._keys.get(key_id)
        if key is not None and self._clock() < self._stale_at:
            return key
        async with self._lock:
            now = self._clock()
            wanted = key_id not in self._keys or now >= self._stale_at
            if wanted and now >= self._asked_at + REFRESH_AT_MOST:
                self._asked_at = now
                await self._refresh()
        if not self._keys:
            raise Unavailable
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        try:
            async with self._http.get(
                self._url, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=5)
            ) as response:
                if response.status != 200 or (response.content_length or 0) > _ANSWER_LIMIT:
                    raise ValueError(f"status {response.status}")
                self._keys = _keys(await response.json(content_type=None))
                match = _MAX_AGE.search(response.headers.get("Cache-Control", ""))
                age = float(match[1]) if match else _SHORTEST
                self._stale_at = self._clock() + min(max(age, _SHORTEST), _LONGEST)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, TypeError, JoseError) as error:
            log.warning("signing keys could not be fetched", error=type(error).__name__)


def _keys(document: Any) -> dict[str, RSAKey]:
    """Raises ValueError for a document that is no key set."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise ValueError("not a key set")
    return {
        str(key["kid"]): RSAKey.import_key(key)
        for key in keys
        if key.get("kty") == "RSA" and key.get("use", "sig") == "sig" and key.get("kid")
    }
