"""A mail that hangs, crashes or eats memory costs one process, never the worker or the next mail."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from domain.email import ParsedEmail
from mail.pool import ParserPool
from tests.mails.mime.case import PDF, file, mail, mixed, text
from tests.people import enveloped, person

GOOD = mail("Still here.\r\n")


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[ParserPool]:
    pool = ParserPool(1, seconds=20)
    await pool.start()
    yield pool
    await pool.close()


def child_pids(parent: int) -> list[int]:
    """The parser processes below `parent`, from /proc."""
    pids = [pid for file in Path(f"/proc/{parent}/task").glob("*/children") for pid in file.read_text().split()]
    return [int(pid) for pid in pids if b"mail.parser_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    """Whether it runs; a process that ended but was not yet collected by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def stopped_while_parsing(pool: ParserPool) -> asyncio.Task[ParsedEmail]:
    """A parse whose process is held still, so that it cannot answer before the test has acted on it."""
    (process,) = pool.pids
    os.kill(process, signal.SIGSTOP)
    task = asyncio.create_task(pool.parse(GOOD))
    await asyncio.sleep(0)
    return task


async def test_mail_is_parsed_as_without_a_pool(pool: ParserPool) -> None:
    email = await pool.parse(mixed(text("See the offer."), file("offer.pdf", PDF)))
    assert email.text == "See the offer."
    assert [attachment.filename for attachment in email.attachments] == ["offer.pdf"]
    assert email.problems == []


async def test_file_on_disk_is_parsed(pool: ParserPool, tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(GOOD)
    assert (await pool.parse(tmp_path / "a.eml")).text.strip() == "Still here."


async def test_arrival_stands_for_a_missing_date(pool: ParserPool) -> None:
    arrived = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert (await pool.parse(mail("x", without=("Date",)), received_at=arrived)).date == arrived


async def test_attachments_are_written_under_their_digest(pool: ParserPool, tmp_path: Path) -> None:
    email = await pool.extract(mixed(text("x"), file("a.pdf", PDF), file("b.pdf", PDF)), tmp_path)
    digest = hashlib.sha256(PDF).hexdigest()
    assert [attachment.sha256 for attachment in email.attachments] == [digest, digest]
    assert [path.name for path in tmp_path.iterdir()] == [digest]
    assert (tmp_path / digest).read_bytes() == PDF


async def test_directory_that_cannot_be_written_is_an_error_of_the_caller(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await pool.extract(mixed(text("x"), file("a.pdf", PDF)), tmp_path / "missing")
    assert (await pool.parse(GOOD)).text.strip() == "Still here."


async def test_killed_parser_is_a_result_with_the_headers(pool: ParserPool) -> None:
    task = await stopped_while_parsing(pool)
    os.kill(pool.pids[0], signal.SIGKILL)
    email = await task
    assert [problem.code for problem in email.problems] == ["parser_killed"]
    assert email.subject == "Printer on floor 3"
    assert email.from_[0].address == "ada@example.com"
    assert (await pool.parse(GOOD)).problems == []


async def test_hanging_parser_is_killed_and_the_next_mail_is_parsed() -> None:
    pool = ParserPool(1, seconds=0.5)
    await pool.start()
    try:
        email = await (await stopped_while_parsing(pool))
        assert [problem.code for problem in email.problems] == ["parser_timeout"]
        assert email.subject == "Printer on floor 3"
        assert (await pool.parse(GOOD)).problems == []
    finally:
        await pool.close()


async def test_mail_larger_than_the_memory_limit_is_a_result() -> None:
    pool = ParserPool(1, memory_bytes=700 * 1024**2)
    await pool.start()
    try:
        email = await pool.parse(GOOD.replace(b"Still here.", b"x" * 300_000_000))
        assert {problem.code for problem in email.problems} & {"parser_memory", "parser_killed"}
        assert email.subject == "Printer on floor 3"
        assert (await pool.parse(GOOD)).problems == []
    finally:
        await pool.close()


async def test_cancelled_caller_leaves_no_answer_for_the_next(pool: ParserPool) -> None:
    task = await stopped_while_parsing(pool)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await pool.parse(mail("Mine."))).text == "Mine."


async def test_process_is_replaced_after_its_number_of_mails() -> None:
    pool = ParserPool(1, mails_per_process=2)
    await pool.start()
    try:
        (first,) = pool.pids
        for _ in range(3):
            assert (await pool.parse(GOOD)).problems == []
        (second,) = pool.pids
        assert second != first
    finally:
        await pool.close()


async def test_closed_pool_leaves_no_process() -> None:
    pool = ParserPool(2)
    await pool.start()
    started = pool.pids
    assert len(started) == 2
    await pool.close()
    assert not any(alive(pid) for pid in started)


async def test_process_that_a_cancelled_caller_was_starting_is_ended(pool: ParserPool) -> None:
    known = set(child_pids(os.getpid()))
    killed = await stopped_while_parsing(pool)
    os.kill(pool.pids[0], signal.SIGKILL)
    await killed
    waiting = asyncio.create_task(pool.parse(GOOD))
    while not (starting := set(child_pids(os.getpid())) - known):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not any(alive(pid) for pid in starting)


async def test_closed_pool_starts_no_process() -> None:
    pool = ParserPool(1)
    await pool.start()
    await pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        await pool.parse(GOOD)
    assert pool.pids == []


async def test_processes_die_with_their_parent() -> None:
    script = (
        "import asyncio, os, signal\n"
        "from mail.pool import ParserPool\n"
        "async def main():\n"
        "    await ParserPool(2).start()\n"
        "    print('up', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    assert await parent.stdout.readline() == b"up\n"
    children = child_pids(parent.pid)
    assert len(children) == 2
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(10):
        while any(alive(pid) for pid in children):
            await asyncio.sleep(0.01)


async def test_a_key_is_handed_over_for_one_mail_only(pool: ParserPool) -> None:
    desk = person("help@example.org")
    raw = enveloped(b"Content-Type: text/plain\r\n\r\nSecret words\r\n", desk)
    before = {process.pid for process in pool._running}
    assert (await pool.parse(raw, keys=[desk.opening()])).text.strip() == "Secret words"
    assert [problem.code for problem in (await pool.parse(raw)).problems] == ["encrypted"]
    assert before.isdisjoint({process.pid for process in pool._running})
