"""Whether a mail is from whom it says, as far as hops that the mailbox trusts have found out.

Authentication-Results (RFC 8601) of any other hop is what the sender wrote. Of a trusted hop only the topmost header
may grant: a forged one with its name can only stand below, if the hop failed to remove it (RFC 8601 §5). ARC (RFC 8617)
may excuse a failure that a forwarder caused, never prove a sender.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from domain.address import domain_of
from domain.email import Authentication
from domain.policy import NO_AUTHSERV_ID, MailboxPolicy

_ARC_PASS = re.compile(r"(?:^|[;\s])arc\s*=\s*pass\b", re.I)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`unknown`: no trusted hop says anything about this address. `why` is a line for the record."""

    result: Literal["pass", "fail", "unknown"]
    why: str


def verify(results: list[Authentication], address: str, policy: MailboxPolicy) -> Verdict:
    """The verdict on `address` as the author. `results`: topmost header first, ARC sets after them."""
    trusted = _of_trusted_hop(results, policy)
    if not trusted:
        return Verdict("unknown", "no trusted hop has checked this mail")
    domain, hop = domain_of(address), trusted[0].authserv_id or "the mailbox's server"
    proof = proves(trusted[0], domain)
    if proof and not any(_refutes(result) for result in trusted):
        return Verdict("pass", f"{hop} says {proof}")
    if any(_refutes(result) for result in trusted):
        forwarder = _excusing_forwarder(results, trusted[0], domain, policy)
        if forwarder:
            return Verdict("unknown", f"{hop} says it failed, but {forwarder} had seen it pass before forwarding (ARC)")
        return Verdict("fail", f"{hop} says that it is not from {domain}")
    return Verdict("unknown", f"{hop} found no proof for {domain}")


def vouches_for(results: list[Authentication], address: str, policy: MailboxPolicy) -> str:
    """How a trusted hop, or a trusted forwarder before it, saw `address` proven; empty if none did."""
    trusted = _of_trusted_hop(results, policy)
    if not trusted:
        return ""
    domain = domain_of(address)
    return proves(trusted[0], domain) or _excusing_forwarder(results, trusted[0], domain, policy)


def proves(result: Authentication, domain: str) -> str:
    """What in one header shows that a mail is from `domain`, by relaxed alignment (RFC 7489 §3.1); else empty."""
    if result.dmarc == "pass" and (result.dmarc_domain is None or aligned(result.dmarc_domain, domain)):
        return f"dmarc=pass for {domain}"
    if result.dkim == "pass" and aligned(result.dkim_domain, domain):
        return f"dkim=pass for {result.dkim_domain}"
    if result.spf == "pass" and aligned(result.spf_domain, domain):
        return f"spf=pass for {result.spf_domain}"
    return ""


def aligned(authenticated: str | None, domain: str) -> bool:
    """Whether one of the domains is the other or lies below it, and neither is a bare top-level domain."""
    if not authenticated or "." not in authenticated or "." not in domain:
        return False
    return authenticated == domain or domain.endswith(f".{authenticated}") or authenticated.endswith(f".{domain}")


def _refutes(result: Authentication) -> bool:
    if result.dmarc is not None and result.dmarc != "none":
        return result.dmarc == "fail"
    return result.spf == "fail" and result.dkim != "pass"


def _of_trusted_hop(results: list[Authentication], policy: MailboxPolicy) -> list[Authentication]:
    """The topmost headers of the topmost trusted hop; it may write one per method."""
    found: list[Authentication] = []
    for result in results:
        if result.arc_instance is not None:
            break
        if found and result.authserv_id != found[0].authserv_id:
            break
        if found or (result.authserv_id or NO_AUTHSERV_ID) in policy.trusted_authserv_ids:
            found.append(result)
    return found


def _excusing_forwarder(
    results: list[Authentication], topmost: Authentication, domain: str, policy: MailboxPolicy
) -> str:
    """The trusted forwarder whose ARC set saw the mail pass, in a chain that our own hop found unbroken."""
    if not _ARC_PASS.search(topmost.raw):
        return ""
    sealed = [r for r in results if r.arc_instance is not None]
    return next((r.authserv_id for r in sealed if r.authserv_id in policy.trusted_forwarders and proves(r, domain)), "")
