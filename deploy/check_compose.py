"""Whether compose.prod.yaml works as it comes, and with everything switched on. Usage: check_compose.py
DEFAULT.json ALL.json, both as `docker compose config` prints them; exit status 1 with a line for each fault.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"


def faults(default: dict, everything: dict) -> Iterator[str]:
    for name, service in default.items():
        environment = service.get("environment") or {}
        # Its exporter refuses to start without an address.
        if environment.get("OTLP_UPSTREAM") == "":
            yield f"{name}: started without OTLP_UPSTREAM"
        if environment.get(COLLECTOR) and "collector" not in default:
            yield f"{name}: sends to a collector that is not there"
    if not everything["worker"]["environment"][COLLECTOR]:
        yield "worker: sends nothing although OTLP_UPSTREAM is set"
    yield from backup_faults(everything)


def backup_faults(services: dict) -> Iterator[str]:
    """Backup and restore see the server's own programs, the database, and the objects where the worker has them."""
    if "backup" not in services:
        yield "nothing backs it up"
        return
    objects = services["worker"]["environment"]["POSTROOM_OBJECTS_URL"]
    lie = [mount["source"] for mount in services["worker"]["volumes"]]
    for name in ("backup", "restore"):
        service = services[name]
        if service["image"] != services["postgres"]["image"]:
            yield f"{name}: pg_dump of another release than the server"
        if not service["networks"].keys() & services["postgres"]["networks"].keys():
            yield f"{name}: does not reach postgres"
        if service["environment"]["POSTROOM_OBJECTS_URL"] != objects:
            yield f"{name}: looks for the objects elsewhere than the worker"
        mounts = {mount["source"]: mount.get("read_only", False) for mount in service["volumes"]}
        if any(mounts.get(source) is not (name == "backup") for source in lie):
            yield f"{name}: the objects are not mounted as it needs them"


def main(files: list[str]) -> int:
    found = list(faults(*(json.loads(Path(file).read_text("utf-8"))["services"] for file in files)))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
