"""Keys and certificates that a tenant stores for a mailbox, to open encrypted mail and to verify signatures."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

# A key opens mail; a certificate verifies signatures: of an authority or of a person (S/MIME), or a person's (OpenPGP).
MailKeyKind = Literal["smime_key", "smime_certificate", "openpgp_key", "openpgp_certificate"]


class MailKey(BaseModel):
    """`content`: PEM (a `smime_key` holds private key and certificate) or OpenPGP armor, without passphrase."""

    kind: MailKeyKind
    content: str = Field(repr=False)

    model_config = ConfigDict(extra="ignore", frozen=True)
