"""From where a request comes: the browser's name and the caller's address, through proxies of ours only."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web

from console import cookies
from console.services import Services
from storage.access import Visit


def visit(request: web.Request, services: Services) -> Visit:
    address = caller(request.remote or "", request.headers.getall("X-Forwarded-For", []), services.trusted_proxies)
    return Visit(request.headers.get("User-Agent", ""), address, cookies.read(request, services))


def caller(remote: str, forwarded: Sequence[str], trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The nearest address that is no proxy of ours: what stands further left in the header anybody may have written."""
    hops = [part.strip() for line in forwarded for part in line.split(",")]
    address = remote
    while hops and _is_in(address, trusted):
        address = hops.pop()
    return address[:50]


def _is_in(address: str, trusted: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)
