"""Blocking work on a connection from the event loop; whoever stops waiting ends the connection, not the thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

from providers.imap.connection import ImapConnection, Timeouts
from providers.imap.settings import ImapSettings

P = ParamSpec("P")
T = TypeVar("T")


async def open_connection(
    executor: Executor, settings: ImapSettings, secret: str, *, allow_private: bool, timeouts: Timeouts
) -> ImapConnection:
    """`ImapConnection.open` in a thread."""
    return await _opened(
        run(executor, ImapConnection.open, settings, secret, allow_private=allow_private, timeouts=timeouts)
    )


async def connect_connection(
    executor: Executor, settings: ImapSettings, *, allow_private: bool, timeouts: Timeouts
) -> ImapConnection:
    """`ImapConnection.connect` in a thread."""
    return await _opened(
        run(executor, ImapConnection.connect, settings, allow_private=allow_private, timeouts=timeouts)
    )


def run(executor: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
    """`function(*args)` in a thread."""
    return asyncio.get_running_loop().run_in_executor(executor, partial(function, *args, **kwargs))


async def call(
    executor: Executor, connection: ImapConnection, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """`function(*args)`, which uses `connection`, in a thread."""
    work = run(executor, function, *args, **kwargs)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        connection.close()  # wakes the thread
        work.add_done_callback(_ignore_outcome)
        raise


async def _opened(opening: asyncio.Future[ImapConnection]) -> ImapConnection:
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_opened)
        raise


def _close_opened(opening: asyncio.Future[ImapConnection]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _ignore_outcome(work: asyncio.Future[T]) -> None:
    if not work.cancelled():
        work.exception()
