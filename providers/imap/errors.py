"""What a failure of IMAP means: try again, slow down, or ask a person for new credentials.

imaplib and IMAPClient raise the same class for nearly everything, so the server's words have to be read:
response codes of RFC 3501 and RFC 5530 first, then the phrases of the large providers.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable

from imapclient.exceptions import ProtocolError

from providers.base import AuthFailed, Permanent, ProviderError, RateLimited, Transient
from providers.imap.wire import AnswerTooLarge

_CODE = re.compile(r"\[([A-Z]+)")
_TRANSIENT_CODES = {"UNAVAILABLE", "INUSE", "SERVERBUG", "CORRUPTION"}
_LIMIT_CODES = {"LIMIT", "OVERQUOTA", "THROTTLED"}
_CREDENTIAL_CODES = {"AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "WEBALERT", "CONTACTADMIN"}
_LIMIT = re.compile(
    r"too many|rate limit|throttl|exceeded|maximum number of connections|connection limit|simultaneous", re.IGNORECASE
)
_TRANSIENT = re.compile(r"temporar|try again|server busy|internal error|unavailable|timed? ?out", re.IGNORECASE)
# Exchange Online accepts the token, then refuses every command: a wrong scope, no right on the mailbox, no licence.
_NOT_CONNECTED = re.compile(r"authenticated but not connected", re.IGNORECASE)
_BYTES_REPR = re.compile(r"^b'(.*)'$")  # IMAPClient formats imaplib's bytes like this
_SHOWN_TEXT = 200


class FolderMissing(Permanent):
    """The folder does not exist, or may not be read."""


# What Exchange delivers in place of a message that it cannot render; a ticket made of it would hide the mail.
_PLACEHOLDER = b"Retrieval using the IMAP4 protocol failed for the following message"
_PLACEHOLDER_SIZE = 16 * 1024


def is_placeholder(start: bytes) -> bool:
    """Whether a message that begins so is none, but Exchange's excuse for it."""
    return _PLACEHOLDER in start[:_PLACEHOLDER_SIZE] and b"Microsoft Exchange" in start[:_PLACEHOLDER_SIZE]


class BadAnswer(Transient):
    """The server refused a command, or its answer makes no sense; the connection can go on."""


def refused_command(_text: str) -> ProviderError:
    """What an unexplained NO or BAD to an ordinary command means."""
    return BadAnswer("the mail server refused a command")


def refused_folder(text: str) -> ProviderError:
    """What an unexplained NO to EXAMINE or STATUS means. Dovecot gives no [NONEXISTENT]."""
    if "command error: BAD" in text:
        return refused_command(text)
    return FolderMissing("the folder does not exist, or this account may not read it")


def refused_login(*hide: str) -> Callable[[str], ProviderError]:
    """What an unexplained refusal of the login means; the server's text is shown without the words to `hide`."""
    return lambda text: AuthFailed(f"the mail server refused the login: {_for_people(text, hide)}")


def classify(error: Exception, refusal: Callable[[str], ProviderError] = refused_command) -> ProviderError:
    """The `ProviderError` that says what to do about `error`; `refusal` decides where the server gave no reason."""
    if isinstance(error, ProviderError):
        return error
    if isinstance(error, AnswerTooLarge):
        return Transient("the mail server sent more than it was asked for")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Permanent(f"the mail server's certificate is not valid: {error.verify_message}")
    if isinstance(error, TimeoutError):
        return Transient("the mail server did not answer in time")
    if isinstance(error, OSError):
        return Transient(f"the connection to the mail server failed ({type(error).__name__})")
    if isinstance(error, imaplib.IMAP4.error):
        return _classify_answer(error, refusal)
    return BadAnswer(f"the mail server's answer was not understood ({type(error).__name__})")


def _classify_answer(error: imaplib.IMAP4.error, refusal: Callable[[str], ProviderError]) -> ProviderError:
    if isinstance(error, ProtocolError):
        return BadAnswer("the mail server's answer was not understood")
    text = _text(error)
    codes = set(_CODE.findall(text.upper()))
    # IMAPClient makes one error of all that may happen to a login, also of a connection that ended.
    closed = isinstance(error, imaplib.IMAP4.abort) or isinstance(error.__context__, imaplib.IMAP4.abort)
    if codes & _TRANSIENT_CODES:
        return Transient(f"the mail server cannot do this now ({', '.join(sorted(codes & _TRANSIENT_CODES))})")
    if _NOT_CONNECTED.search(text):
        return AuthFailed("the server accepted the login but gives no access to the mailbox: check scopes and licence")
    if codes & _CREDENTIAL_CODES and not closed:
        return refusal(text)
    if codes & _LIMIT_CODES or _LIMIT.search(text):
        return RateLimited("the mail server limits the connections or the traffic of this account")
    if closed:
        return Transient("the mail server closed the connection")
    if _TRANSIENT.search(text):
        return Transient("the mail server cannot do this now")
    return refusal(text)


def _text(error: Exception) -> str:
    first = error.args[0] if error.args else ""
    text = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
    return _BYTES_REPR.sub(r"\1", text)


def _for_people(text: str, hide: tuple[str, ...]) -> str:
    """The server's words, which often say what to do ("Application-specific password required"), without names."""
    for word in sorted(filter(None, hide), key=len, reverse=True):
        text = text.replace(word, "…")
    text = re.sub(r"\S+@\S+", "…", text)
    return "".join(character if character.isprintable() else " " for character in text)[:_SHOWN_TEXT]
