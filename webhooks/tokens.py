"""Signatures of bearer tokens (RFC 7519, RS256), each checked once for as long as its key stands.

Pub/Sub sends one token with every push of up to an hour, so its reuse is no replay.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from webhooks.jwks import Jwks

TOKEN_LIMIT = 8192
REMEMBERED = 4096


class BadToken(Exception):
    """The token is not authentic. The text names what is wrong with it, never its value."""


@dataclass(frozen=True, slots=True)
class _Checked:
    key_id: str
    key: RSAKey
    claims: Mapping[str, Any]


class Tokens:
    """Only what has a good signature is remembered, by its SHA-256, so that guesses neither fill nor find anything."""

    def __init__(self, keys: Jwks) -> None:
        self._keys = keys
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()

    async def claims(self, authorization: str) -> Mapping[str, Any]:
        """What the bearer token of an `Authorization` header says; whether that is enough is for the caller to see.

        Raises BadToken, or Unavailable without any key.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > TOKEN_LIMIT or not token.isascii():
            raise BadToken("no bearer token")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._checked.get(digest)
        # The keys are other objects after each time they were fetched: a key that was withdrawn ends its tokens.
        if known is not None and await self._keys.key(known.key_id) is known.key:
            return known.claims
        checked = await self._check(token)
        self._checked[digest] = checked
        self._checked.move_to_end(digest)
        if len(self._checked) > REMEMBERED:
            self._checked.popitem(last=False)
        return checked.claims

    async def _check(self, token: str) -> _Checked:
        try:
            header = jws.extract_compact(token.encode()).headers()
            if header.get("alg") != "RS256":
                raise BadToken("alg")
            key_id = str(header.get("kid", ""))
            key = await self._keys.key(key_id)
            if key is None:
                raise BadToken("kid")
            return _Checked(key_id, key, jwt.decode(token, key, algorithms=["RS256"]).claims)
        except (JoseError, ValueError, KeyError, TypeError):
            raise BadToken("signature or form") from None
