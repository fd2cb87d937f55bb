"""Runs the reverse proxy in front of a server that answers everything: what it lets through, and whom it names.
Usage: check_proxy.py CADDY; exit status 1 with a line for each fault.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CADDYFILE = Path(__file__).parent / "reverse-proxy" / "Caddyfile"
# Host, path, and whether somebody from outside may have it.
EXPECTED = [
    ("console", "/", True),
    ("console", "/login", True),
    ("console", "/api/v1/tickets", True),
    ("console", "/health/live", True),
    ("console", "/health/ready", False),
    ("console", "/metrics", False),
    ("webhooks", "/webhooks/microsoft", True),
    ("webhooks", "/", False),
    ("webhooks", "/health/ready", False),
    ("webhooks", "/metrics", False),
]


class Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.headers.get("X-Forwarded-For") == "127.0.0.1" else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def status(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    # What a caller claims of itself must not reach postroom.
    connection.request("GET", path, headers={"X-Forwarded-For": "192.0.2.1"})
    return connection.getresponse().status


def faults(ports: dict[str, int]) -> Iterator[str]:
    for host, path, open_to_all in EXPECTED:
        found = status(ports[host], path)
        if found != (200 if open_to_all else 404):
            yield f"Caddyfile: {host} {path} answers {found}"


def main(caddy: str) -> int:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    ports = {"console": free_port(), "webhooks": free_port()}
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {
            "HOME": home,
            "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
            "ACME_EMAIL": "admin@example.com",
            **{f"{host.upper()}_HOST": f"http://127.0.0.1:{port}" for host, port in ports.items()},
            **{f"{host.upper()}_UPSTREAM": f"127.0.0.1:{upstream.server_port}" for host in ports},
        }
        proxy = subprocess.Popen(
            [caddy, "run", "--adapter", "caddyfile", "--config", CADDYFILE], env=environment, stderr=subprocess.PIPE
        )
        try:
            for port in ports.values():
                wait(port, proxy)
            found = list(faults(ports))
        finally:
            proxy.kill()
            errors = proxy.communicate()[1].decode()
    sys.stdout.writelines(f"{line}\n" for line in found)
    if found:
        sys.stderr.write(errors)
    return bool(found)


def wait(port: int, proxy: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if proxy.poll() is not None:
            sys.exit(f"Caddy stopped: {proxy.stderr.read().decode() if proxy.stderr else ''}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("Caddy does not answer")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
