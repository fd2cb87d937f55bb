"""A parsed email: what `mail.parse` makes of raw bytes, and what `postroom parse` prints.

Every string here is safe for Postgres and JSON: no NUL, no lone surrogate.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MailKind = Literal["ordinary", "auto_reply", "bounce", "complaint", "list", "calendar", "report", "notification"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Address(_Model):
    """One mailbox of an address header; `address` keeps the local part's case, its domain is lower-cased."""

    name: str = ""
    address: str


class Attachment(_Model):
    """One leaf of the MIME tree that is not a body. `size` in bytes, `sha256` hex of the decoded content."""

    filename: str
    content_type: str
    size: int
    sha256: str
    content_id: str | None = None
    inline: bool = False


class Problem(_Model):
    """Something that was wrong with the mail; `code` is stable snake_case, `detail` says it to a person."""

    code: str
    detail: str = ""


class Forwarded(_Model):
    """The original of a forwarded mail, as the forwarding client wrote it."""

    sender: Address | None = Field(default=None, alias="from")
    date: str | None = None
    subject: str | None = None

    model_config = ConfigDict(extra="ignore", populate_by_name=True, serialize_by_alias=True)


class Bounce(_Model):
    """What a delivery status notification reports (RFC 3464)."""

    recipient: str | None = None
    status: str | None = None
    action: str | None = None
    original_message_id: str | None = None


class Authentication(_Model):
    """One Authentication-Results header (RFC 8601), topmost hop first."""

    authserv_id: str = ""
    arc_instance: int | None = None
    spf: str | None = None
    spf_domain: str | None = None
    dkim: str | None = None
    dkim_domain: str | None = None
    dmarc: str | None = None
    dmarc_domain: str | None = None
    raw: str = ""


class Signature(_Model):
    """A signature that covers the mail or a part of it.

    `valid`: unaltered, by a key that the tenant trusts and that belongs to the sender; `invalid`: altered since it was
    signed; `unverified`: neither can be said, for the reason in `detail`. `signer` is an address or a name.
    """

    method: Literal["smime", "openpgp"]
    verdict: Literal["valid", "invalid", "unverified"]
    signer: str = ""
    detail: str = ""


class Calendar(_Model):
    """The first event of a text/calendar part; times are ISO 8601, local to `time_zone` where that is given."""

    method: str | None = None
    uid: str | None = None
    start: str | None = None
    end: str | None = None
    time_zone: str | None = None
    summary: str | None = None
    location: str | None = None
    organizer: str | None = None
    description: str | None = None


class ParsedEmail(_Model):
    """The JSON that DESIGN §9 gives for `postroom parse`; fields may be added, none may change."""

    message_id: str | None = None
    subject: str = ""
    date: datetime | None = None
    from_: list[Address] = Field(default_factory=list, alias="from")
    sender: list[Address] = Field(default_factory=list)
    reply_to: list[Address] = Field(default_factory=list)
    to: list[Address] = Field(default_factory=list)
    cc: list[Address] = Field(default_factory=list)
    in_reply_to: list[str] = Field(default_factory=list)
    references: list[str] = Field(default_factory=list)
    text: str = ""
    html: str = ""
    reply_text: str = ""
    attachments: list[Attachment] = Field(default_factory=list)
    kind: MailKind = "ordinary"
    reply_confidence: float = 1.0
    forwarded: Forwarded | None = None
    bounce: Bounce | None = None
    authentication: list[Authentication] = Field(default_factory=list)
    problems: list[Problem] = Field(default_factory=list)
    kind_evidence: list[str] = Field(default_factory=list)
    bcc: list[Address] = Field(default_factory=list)
    return_path: str | None = None
    thread_index: str | None = None
    auto_submitted: str | None = None
    list_id: str | None = None
    list_unsubscribe: str | None = None
    calendar: Calendar | None = None
    signatures: list[Signature] = Field(default_factory=list)
    # Whether a part of it was opened with a key of the mailbox; what no key opens is in `problems` as `encrypted`.
    decrypted: bool = False

    model_config = ConfigDict(extra="ignore", populate_by_name=True, serialize_by_alias=True)
