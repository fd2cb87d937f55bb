"""Mail addresses as identities: one spelling to compare by, and which domains say nothing about an organisation."""

from __future__ import annotations

import re
from typing import Final

# Anybody can have an address here, so a shared domain is no sign of a shared organisation.
FREEMAIL = frozenset(
    """aol.com fastmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com
    hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr hotmail.it icloud.com laposte.net libero.it live.com
    mac.com mail.com mail.ru me.com msn.com naver.com o2.pl orange.fr outlook.com outlook.de outlook.fr pm.me
    posteo.de proton.me protonmail.com qq.com rocketmail.com seznam.cz sfr.fr t-online.de tutanota.com uol.com.br
    wanadoo.fr web.de wp.pl yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com
    yandex.ru ymail.com zoho.com 126.com 163.com""".split()
)


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
# Two labels at least: nobody's organisation is a whole top-level domain.
_DOMAIN: Final = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+{_LABEL}")


def canonical(address: str) -> str:
    """The address as identities are compared and stored: trimmed and lower-cased."""
    return address.strip().lower()


def ascii_domain(domain: str) -> str:
    """A domain as mail servers spell it: lower case, letters beyond ASCII as IDNA 2008 has them.

    Raises ValueError for one that cannot be spelled so.
    """
    domain = domain.strip().lower().removesuffix(".")
    if domain.isascii():
        return domain
    import idna

    return idna.encode(domain, uts46=True).decode()


def ascii_address(address: str) -> str:
    """The canonical address with its domain in ASCII, where that can be."""
    local, at, domain = canonical(address).rpartition("@")
    try:
        return f"{local}{at}{ascii_domain(domain)}"
    except ValueError:
        return canonical(address)


def client_domain(domain: str) -> str:
    """The spelling of a domain that a client may have. Raises ValueError, with what is wrong for a person."""
    try:
        spelled = ascii_domain(domain)
    except ValueError:
        spelled = ""
    if not _DOMAIN.fullmatch(spelled):
        raise ValueError(f"“{domain}” is no domain: write it like example.com, without @")
    if spelled in FREEMAIL:
        raise ValueError(f"anybody can have an address at {spelled}: add the client's people as contacts instead")
    return spelled


def domain_of(address: str) -> str:
    return canonical(address).rpartition("@")[2]


def organisation_domain(address: str) -> str | None:
    """The domain, where it can stand for an organisation; None for freemail."""
    domain = domain_of(address)
    return None if not domain or domain in FREEMAIL else domain


def without_tag(address: str) -> tuple[str, str]:
    """`support+tag@example.com` → (`support@example.com`, `tag`); the tag keeps its case (RFC 5233)."""
    local, _, domain = address.strip().rpartition("@")
    user, _, tag = local.partition("+")
    return canonical(f"{user}@{domain}"), tag
