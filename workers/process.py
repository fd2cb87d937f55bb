"""What every process does the same way: configure, run until a signal, flush, and leave.

Exit status: 0 after a clean stop, 1 for a fault of the installation, in one sentence on stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NoReturn

import asyncpg

from storage import migrate
from storage.database import Database
from storage.secrets import SecretError
from workers import logs
from workers.settings import ConfigurationError, Settings, load
from workers.telemetry import Telemetry


def main(run: Callable[[Settings], Awaitable[None]], role: str) -> NoReturn:
    """Runs one process and never returns: the Temporal SDK may crash the interpreter as it ends (sdk-python #300).

    `role` is what traces and metrics call it.
    """
    code = 1
    try:
        settings = load()
        logs.configure(settings.log_format, settings.log_level)
        telemetry = Telemetry.start(role)
        asyncio.run(_run(run, settings))
        telemetry.stop()
        code = 0
    except (ConfigurationError, SecretError, migrate.MigrationError) as error:
        print(f"postroom: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        print(f"postroom: {_explain(error)}", file=sys.stderr)
    except Exception:
        logging.getLogger("postroom").exception("stopped by an unexpected failure")
    leave(code)


def leave(code: int) -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _run(run: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.ensure_future(run(settings))
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if work in done:
        stopping.cancel()
        work.result()
        return
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The pool, over a schema that is exactly this code's. Raises ConfigurationError or MigrationError."""
    url = settings.database_url.get_secret_value()
    with database_faults():
        await migrate.check(url)
        db = await Database.connect(url, max_size=settings.database_connections)
    try:
        yield db
    finally:
        await db.close()


@contextlib.contextmanager
def database_faults() -> Iterator[None]:
    """Turns what asyncpg raises for an unreachable or refusing server into one sentence."""
    try:
        yield
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
        raise ConfigurationError(
            "No Postgres answers at POSTROOM_DATABASE_URL: start it, or correct the URL."
        ) from None
    except asyncpg.InvalidCatalogNameError:
        raise ConfigurationError("The database of POSTROOM_DATABASE_URL does not exist: create it first.") from None
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise ConfigurationError("Postgres refuses the login of POSTROOM_DATABASE_URL.") from None
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError):
        raise ConfigurationError(
            "The login of POSTROOM_DATABASE_URL lacks rights: run `postroom migrate` as its owner once, "
            "and grant postroom_app to it."
        ) from None
    except (asyncpg.ClientConfigurationError, ValueError):
        raise ConfigurationError("POSTROOM_DATABASE_URL is not a valid postgresql:// URL.") from None


def _explain(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{error.strerror or error}: stop what listens there, or choose another port with POSTROOM_*_PORT."
    return str(error)
