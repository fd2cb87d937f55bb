"""Whose address counts: the caller's, through proxies of ours, and nothing that anybody may write."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from console.visits import caller

OURS = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # no proxy of ours: its header is hearsay
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::1", ["203.0.113.9, 198.51.100.1, 10.2.3.4"], "198.51.100.1"),  # what stands further left is hearsay
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], "nonsense"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours(remote: str, forwarded: list[str], address: str) -> None:
    assert caller(remote, forwarded, OURS) == address
