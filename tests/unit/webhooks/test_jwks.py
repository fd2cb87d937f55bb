"""The key cache: fresh keys when they are needed, old ones while the server is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from tests.simulators.google import GoogleSimulator, google
from webhooks.jwks import REFRESH_AT_MOST, Jwks, Unavailable


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[GoogleSimulator]:
    async with google() as running:
        yield running


@pytest_asyncio.fixture
async def keys(simulator: GoogleSimulator) -> AsyncIterator[tuple[Jwks, Clock]]:
    clock = Clock()
    async with aiohttp.ClientSession() as http:
        yield Jwks(http, simulator.endpoints().google_jwks, clock), clock


def fetched(simulator: GoogleSimulator) -> int:
    return simulator.faults.count("/certs")


async def test_many_at_once_fetch_once(simulator: GoogleSimulator, keys: tuple[Jwks, Clock]) -> None:
    jwks, _ = keys
    found = await asyncio.gather(*(jwks.key("push-1") for _ in range(50)))
    assert all(found)
    assert fetched(simulator) == 1


async def test_a_rotated_key_is_found_after_a_short_while(simulator: GoogleSimulator, keys: tuple[Jwks, Clock]) -> None:
    jwks, clock = keys
    assert await jwks.key("push-1")
    simulator.oauth.rotate_keys()
    assert await jwks.key("push-2") is None
    clock.now += REFRESH_AT_MOST
    assert await jwks.key("push-2")
    assert fetched(simulator) == 2


async def test_unknown_key_ids_do_not_hammer_the_server(simulator: GoogleSimulator, keys: tuple[Jwks, Clock]) -> None:
    jwks, clock = keys
    for number in range(100):
        clock.now += 1
        assert await jwks.key(f"stranger-{number}") is None
    assert fetched(simulator) <= 4


@pytest.mark.parametrize(("max_age", "kept"), [(0, 300), (3600, 3600), (10_000_000, 86_400)])
async def test_keys_are_kept_as_long_as_the_server_says_within_bounds(
    simulator: GoogleSimulator, keys: tuple[Jwks, Clock], max_age: int, kept: int
) -> None:
    jwks, clock = keys
    simulator.oauth.max_age = max_age
    assert await jwks.key("push-1")
    clock.now += kept - 1
    assert await jwks.key("push-1")
    assert fetched(simulator) == 1
    clock.now += 2
    assert await jwks.key("push-1")
    assert fetched(simulator) == 2


async def test_old_keys_go_on_while_the_server_is_away(simulator: GoogleSimulator, keys: tuple[Jwks, Clock]) -> None:
    jwks, clock = keys
    assert await jwks.key("push-1")
    simulator.faults.answer("/certs", 500, None, times=None)
    clock.now += 100_000
    assert await jwks.key("push-1")


@pytest.mark.parametrize(
    "document", [{"keys": "nonsense"}, {"keys": [5]}, {"keys": [{"kty": "RSA", "kid": "x"}]}, [], 5, None]
)
async def test_with_no_key_ever_fetched_nothing_can_be_said(
    simulator: GoogleSimulator, keys: tuple[Jwks, Clock], document: object
) -> None:
    jwks, clock = keys
    simulator.faults.answer("/certs", 200, document)
    with pytest.raises(Unavailable):
        await jwks.key("push-1")
    clock.now += REFRESH_AT_MOST
    assert await jwks.key("push-1")
