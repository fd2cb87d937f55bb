"""The object store: what is put stays as it was put, and no key comes from a sender."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from uuid import uuid4

import pytest

from storage.objects import Objects, Spool, part_key, raw_key

TENANT = uuid4()


def key_of(content: bytes) -> str:
    return raw_key(TENANT, hashlib.sha256(content).hexdigest())


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects((tmp_path / "objects with spaces").as_uri())


async def test_what_was_put_is_read_back_whole_and_in_chunks(objects: Objects) -> None:
    content = os.urandom(3_000_000)
    await objects.put(key_of(content), content)
    assert await objects.get(key_of(content)) == content
    assert b"".join([chunk async for chunk in objects.stream(key_of(content), 100_000)]) == content


async def test_a_file_is_put_like_bytes(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "spooled").write_bytes(b"from a file")
    await objects.put(key_of(b"from a file"), tmp_path / "spooled")
    assert await objects.get(key_of(b"from a file")) == b"from a file"


async def test_a_key_is_written_once(objects: Objects) -> None:
    await objects.put(key_of(b"first"), b"first")
    await objects.put(key_of(b"first"), b"second")
    assert await objects.get(key_of(b"first")) == b"first"


async def test_of_many_writers_of_one_key_all_succeed_and_the_object_is_whole(objects: Objects) -> None:
    content = os.urandom(200_000)
    await asyncio.gather(*(objects.put(key_of(content), content) for _ in range(30)))
    assert await objects.get(key_of(content)) == content


async def test_what_was_never_put_is_not_there(objects: Objects) -> None:
    assert not await objects.exists(key_of(b"never"))
    with pytest.raises(FileNotFoundError):
        await objects.get(key_of(b"never"))


async def test_the_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    Objects((tmp_path / "private").as_uri())
    assert (tmp_path / "private").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "sha256",
    ["", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "../" + "a" * 61, "a" * 63 + "\n", "\u0661" * 64],
    ids=["empty", "short", "long", "upper case", "no hex", "a path", "a line end", "digits of another script"],
)
def test_a_key_takes_a_lower_case_sha256_and_nothing_else(sha256: str) -> None:
    for key in (raw_key, part_key):
        with pytest.raises(ValueError, match="sha256"):
            key(TENANT, sha256)


def test_a_key_begins_with_its_tenant() -> None:
    assert raw_key(TENANT, "a" * 64) == f"{TENANT}/raw/{'a' * 64}"
    assert part_key(TENANT, "a" * 64) == f"{TENANT}/parts/{'a' * 64}"


# Spooling ------------------------------------------------------------------------------------------------------


def test_a_spool_knows_size_and_digest_and_leaves_no_file() -> None:
    with Spool(1_000) as spool:
        for chunk in (b"one ", b"two ", b"three"):
            spool.write(chunk)
        spool.finish()
        assert spool.path.read_bytes() == b"one two three"
        assert (spool.size, spool.sha256) == (13, hashlib.sha256(b"one two three").hexdigest())
    assert not spool.path.exists()


def test_a_spool_takes_exactly_its_limit_and_refuses_one_byte_more() -> None:
    with Spool(10) as spool:
        spool.write(b"0123456789")
        with pytest.raises(ValueError, match="larger than 10 bytes"):
            spool.write(b"x")
    assert not spool.path.exists()
