"""The settings that make postroom's processes, and a person's own commands, find each other on this machine."""

import os
import shlex
import sys
from pathlib import Path

from workers.dev.data_dir import DataDir, Secrets
from workers.dev.leftovers import MARK
from workers.dev.ports import HOST, Ports

SOURCES = Path(__file__).resolve().parents[2]


def base_environment(data: DataDir) -> dict[str, str]:
    """What every child gets: the person's own environment without the address of some other Temporal, and our mark."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    return {**inherited, MARK: str(data.root)}


def python_environment() -> dict[str, str]:
    """Lets a child find our modules, installed or not, and makes its log lines appear when they are written."""
    search_path = [str(SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(search_path), "PYTHONUNBUFFERED": "1"}


def settings(data: DataDir, ports: Ports, secrets: Secrets, database_url: str) -> dict[str, str]:
    """postroom's settings for this data directory and these ports, as environment variables."""
    return {
        "POSTROOM_DATABASE_URL": database_url,
        "POSTROOM_OBJECTS_URL": data.objects.as_uri(),
        "POSTROOM_MASTER_KEYS": secrets.master_keys,
        "POSTROOM_PUBLIC_URL": f"http://{HOST}:{ports.console}",
        "POSTROOM_HOST": HOST,
        "POSTROOM_WEB_PORT": str(ports.console),
        "POSTROOM_WEBHOOKS_PORT": str(ports.webhooks),
        "POSTROOM_SMTP_PORT": str(ports.smtp),
        "POSTROOM_LOG_FORMAT": "text",
        # The demo's IMAP server, and whatever a developer runs beside it, is on loopback.
        "POSTROOM_ALLOW_PRIVATE_HOSTS": "1",
        "POSTROOM_TEMPORAL_UI_URL": f"http://{HOST}:{ports.temporal_ui}",
        "TEMPORAL_ADDRESS": f"{HOST}:{ports.temporal}",
        "TEMPORAL_NAMESPACE": "default",
    }


def shell_file(settings: dict[str, str]) -> str:
    """What a person's shell reads (`. FILE`) to use the `postroom` command on this set-up."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    run = f"PYTHONPATH={shlex.quote(str(SOURCES))} {shlex.quote(sys.executable)} -m workers.cli"
    return "\n".join([*exports, f'postroom() {{ {run} "$@"; }}', ""])
