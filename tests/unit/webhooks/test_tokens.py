"""Signatures of push tokens: checked once while their key stands, and never taken on trust."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from webhooks import tokens as tokens_module
from webhooks.tokens import BadToken, Tokens

GOOGLE = RSAKey.generate_key(2048, {"kid": "k"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "k"}, private=True)


class Keys:
    """Takes the place of Google's; `standing` is what it has for the one key id."""

    standing: RSAKey | None = GOOGLE

    async def key(self, key_id: str) -> RSAKey | None:
        return self.standing


class Counted:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        decode = jwt.decode

        def counting(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            return decode(*arguments, **options)

        monkeypatch.setattr(tokens_module.jwt, "decode", counting)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def tokens(keys: Keys) -> Tokens:
    return Tokens(keys)  # type: ignore[arg-type]


def bearer(key: RSAKey = GOOGLE, **claims: Any) -> str:
    return "Bearer " + jwt.encode({"alg": "RS256", "kid": "k"}, {"iss": "us", **claims}, key)


async def test_a_signature_is_checked_once_however_often_its_token_comes(tokens: Tokens, checked: Counted) -> None:
    header = bearer()
    for _ in range(50):
        assert (await tokens.claims(header))["iss"] == "us"
    assert checked.count == 1


async def test_keys_that_were_fetched_anew_check_again_and_a_withdrawn_one_ends_its_tokens(
    tokens: Tokens, keys: Keys, checked: Counted
) -> None:
    header = bearer()
    await tokens.claims(header)
    keys.standing = RSAKey.import_key(GOOGLE.as_dict(private=False))
    await tokens.claims(header)
    assert checked.count == 2
    keys.standing = None
    with pytest.raises(BadToken, match="kid"):
        await tokens.claims(header)


async def test_what_is_not_authentic_is_never_remembered(tokens: Tokens, checked: Counted) -> None:
    forged = bearer(OTHER)
    for _ in range(3):
        with pytest.raises(BadToken):
            await tokens.claims(forged)
    assert checked.count == 3


async def test_a_changed_token_is_another_token(tokens: Tokens) -> None:
    good = bearer(email="a@example.com")
    await tokens.claims(good)
    head, claims, signature = good.split(".")
    other = bearer(OTHER, email="b@example.com").split(".")[1]
    for changed in (f"{head}.{other}.{signature}", f"{head}.{claims}.{signature[:-4]}AAAA", f"{good}x"):
        with pytest.raises(BadToken):
            await tokens.claims(changed)


async def test_only_so_many_are_remembered(tokens: Tokens, checked: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "REMEMBERED", 2)
    headers = [bearer(n=n) for n in range(3)]
    for header in (*headers, headers[2], headers[1]):
        await tokens.claims(header)
    assert checked.count == 3
    await tokens.claims(headers[0])
    assert checked.count == 4


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic x", "Bearer é", "Bearer " + "a" * 10_000])
async def test_what_is_no_bearer_token_is_refused(tokens: Tokens, header: str) -> None:
    with pytest.raises(BadToken, match="no bearer token"):
        await tokens.claims(header)
