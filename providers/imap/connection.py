"""One connection to an IMAP server, with every guard that hostile and broken servers made necessary.

IMAPClient 4.1.0 does the protocol; how bytes are read, how TLS begins and how one logs in is ours. It relies on
private members of IMAPClient and imaplib: run the scripted-server suite before changing the pinned version.
The mailbox is only ever read: EXAMINE and BODY.PEEK, never SELECT. Not thread-safe; one thread at a time.
"""

from __future__ import annotations

import imaplib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.datetime_util import format_criteria_date
from imapclient.imap_utf7 import encode as encode_utf7

from providers.base import AuthFailed, Permanent, ProviderError, Transient
from providers.imap import network
from providers.imap.errors import BadAnswer, classify, refused_command, refused_folder, refused_login
from providers.imap.headers import Header, parse_headers, parse_status
from providers.imap.settings import ImapSettings
from providers.imap.wire import Wire

CHUNK = 1024 * 1024  # bytes of a message that are asked for at once
_ANSWER_LIMIT = 16 * 1024 * 1024  # bytes of one answer
_MESSAGE_ID_LIMIT = 1000  # bytes; a longer one cannot be a key anyway, and a hostile one can have megabytes
_MAX_UID = 2**32 - 1
imaplib.Commands["NOTIFY"] = ("AUTH", "SELECTED")  # or imaplib refuses to send it

_CLIENT_ID = {"name": "postroom"}  # RFC 2971; Coremail (163, 126, QQ) lets nobody in who does not say it


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, for a single read, and for a whole command with its answer."""

    connect: float = 10
    read: float = 30
    command: float = 300


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as EXAMINE or STATUS shows it; `uidnext` is None where the server does not tell, as is `messages`."""

    name: str
    uidvalidity: int
    uidnext: int | None
    messages: int | None = None


class Unreachable(Transient):
    """The host does not resolve, does not accept connections, or does not greet."""


class _Imap4(imaplib.IMAP4):
    """imaplib over our `Wire`; keeps no log of commands, because that would keep passwords."""

    def __init__(self, settings: ImapSettings, addresses: list[str], timeouts: Timeouts) -> None:
        self._settings = settings
        self._addresses = addresses
        self._timeouts = timeouts
        super().__init__(settings.host, settings.port)

    def open(self, host: str = "", port: int = 993, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self.sock = network.connect(self._addresses, port, self._timeouts.connect)
        if self._settings.security == "tls":
            self._wrap()
        self._use_socket()

    def _wrap(self) -> None:
        try:
            context = network.tls_context(self._settings.ca_file)
            self.sock = context.wrap_socket(self.sock, server_hostname=self._settings.host)
        except BaseException:
            self.sock.close()
            raise

    def _use_socket(self) -> None:
        self.wire = Wire(self.sock, self._timeouts.read, self._timeouts.command)

    def upgrade(self) -> None:
        """STARTTLS, required (RFC 3501, 6.2.1). Whatever was said before it is forgotten. Raises `Permanent`."""
        if "STARTTLS" not in self.capabilities:
            raise Permanent("the mail server does not offer STARTTLS; nothing was sent to it")
        kind, _ = self._simple_command("STARTTLS")
        if kind != "OK":
            raise Permanent("the mail server refused STARTTLS; nothing was sent to it")
        if self.wire.buffered:
            raise Permanent("the mail server sent data ahead of the TLS handshake, as an attacker would")
        self._wrap()
        self._use_socket()
        self.untagged_responses.clear()
        self._get_capabilities()

    def read(self, size: int) -> bytes:
        return self.wire.read(size)

    def readline(self) -> bytes:
        return self.wire.readline()

    def send(self, data: Any) -> None:
        self.wire.begin(_ANSWER_LIMIT)
        self.wire.send(data)

    def shutdown(self) -> None:
        self.wire.close()

    def _log(self, line: str) -> None:
        pass


class _Client(IMAPClient):  # type: ignore[misc]  # it has no types
    """IMAPClient on an `_Imap4`."""

    def __init__(self, settings: ImapSettings, addresses: list[str], timeouts: Timeouts) -> None:
        self._imap4: Callable[[], _Imap4] = lambda: _Imap4(settings, addresses, timeouts)
        super().__init__(
            settings.host,
            settings.port,
            ssl=settings.security == "tls",
            timeout=SocketTimeout(timeouts.connect, timeouts.read),
        )
        self._imap.debug = 0  # IMAPClient sets 5, which repr()s every literal whether it is logged or not
        self.normalise_times = False

    def _create_IMAP4(self) -> _Imap4:  # noqa: N802 - IMAPClient's name
        return self._imap4()


class ImapConnection:
    """A logged-in connection. Every method raises a `ProviderError` and nothing else."""

    def __init__(self, client: _Client) -> None:
        self._client = client
        self._imap: _Imap4 = client._imap
        self.capabilities: frozenset[str] = frozenset()
        self.selected: Folder | None = None
        self._elsewhere = False

    @classmethod
    def open(
        cls, settings: ImapSettings, secret: str, *, allow_private: bool = False, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> ImapConnection:
        """Connects, secures and logs in. Blocks for at most the connect time-out and a few commands."""
        connection = cls.connect(settings, allow_private=allow_private, timeouts=timeouts)
        try:
            connection.log_in(settings, secret)
        except BaseException:
            connection.close()
            raise
        return connection

    @classmethod
    def connect(
        cls, settings: ImapSettings, *, allow_private: bool = False, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> ImapConnection:
        """Connects and secures the connection; no secret is sent. Raises `Unreachable` where nobody greets."""
        with _provider_errors(unreachable=True):
            addresses = network.resolve(settings.host, settings.port, allow_private=allow_private)
            connection = cls(_Client(settings, addresses, timeouts))
        try:
            with _provider_errors():
                if connection._imap.state != "NONAUTH":
                    raise Permanent("the mail server claims that we are logged in already (PREAUTH)")
                if settings.security == "starttls":
                    connection._imap.upgrade()
        except BaseException:
            connection.close()
            raise
        return connection

    def log_in(self, settings: ImapSettings, secret: str) -> None:
        """Logs in, and learns what the server can do for this user. Raises `AuthFailed`."""
        with _provider_errors(refused_login(settings.username, secret)):
            self._authenticate(settings, secret)
        with _provider_errors():
            self.capabilities = frozenset(name.decode("ascii", "replace") for name in self._client.capabilities())
        if "ID" in self.capabilities:
            with suppress(BadAnswer), _provider_errors():
                self._client.id_(_CLIENT_ID)

    def _authenticate(self, settings: ImapSettings, secret: str) -> None:
        self._client._cached_capabilities = None
        offered = {str(name).upper() for name in self._imap.capabilities}
        if settings.auth != "password":
            self._oauth(settings, secret)
        elif "AUTH=PLAIN" in offered:
            answer = f"\0{settings.username}\0{secret}"  # RFC 4616; unlike LOGIN it may be any Unicode
            self._client.sasl_login("PLAIN", lambda _challenge: answer)
        elif "LOGINDISABLED" in offered:
            raise Permanent("the mail server does not allow a password on this connection: use TLS")
        elif not (settings.username + secret).isascii() or any(ord(character) < 32 for character in secret):
            raise AuthFailed("the mail server takes only ASCII passwords")
        else:
            self._client.login(_quoted(settings.username), secret)

    def _oauth(self, settings: ImapSettings, token: str) -> None:
        mechanism, first = _oauth_answer(settings, token)
        challenges: list[bytes] = []

        def answer(challenge: bytes) -> str:
            challenges.append(challenge)
            # A second challenge says why it failed; only an empty answer makes the server say NO (RFC 7628, 3.2.3).
            return first if len(challenges) == 1 else ""

        try:
            self._client.sasl_login(mechanism, answer)
        except imaplib.IMAP4.error:
            status = _oauth_status(challenges[1]) if len(challenges) > 1 else ""
            if status.startswith("5") or status == "429":
                raise Transient(f"the mail server could not check the access token (status {status})") from None
            raise

    def folders(self) -> list[str]:
        """The names of the folders that can be opened."""
        with _provider_errors():
            listed = self._client.list_folders()
            return [str(name) for flags, _, name in listed if b"\\noselect" not in {flag.lower() for flag in flags}]

    def examine(self, name: str) -> Folder:
        """Opens a folder for reading. Raises `FolderMissing`."""
        self.selected = None
        with _provider_errors(refused_folder):
            answer = self._client.select_folder(name, readonly=True)
            if b"UIDVALIDITY" not in answer:
                raise Permanent("the mail server gives messages no lasting numbers (no UIDVALIDITY)")
            self.selected = Folder(name, answer[b"UIDVALIDITY"], answer.get(b"UIDNEXT"))
        return self.selected

    def has_open(self, name: str) -> bool:
        return self.selected is not None and self.selected.name == name

    def status(self, name: str) -> Folder:
        """A folder that is not open, as it is now. Raises `FolderMissing`."""
        encoded = encode_utf7(name)
        with _provider_errors(refused_folder):
            kind, data = self._imap.status(_quoted(encoded.decode("ascii")), "(UIDVALIDITY UIDNEXT MESSAGES)")
            if kind != "OK":
                raise imaplib.IMAP4.error(data[-1])
            self._elsewhere = self._elsewhere or len(data) > 1  # NOTIFY spoke in between
            values = parse_status(data, encoded)
            return Folder(name, values[b"UIDVALIDITY"], values.get(b"UIDNEXT"), values.get(b"MESSAGES"))

    def uids(self, low: int, high: int = _MAX_UID) -> list[int]:
        """The UIDs from `low` to `high`, ascending; never asked with `*`, which would name the last one in any case."""
        return self._search(f"UID {low}:{high}", low, high) if low <= high else []

    def uids_since(self, day: date, low: int, high: int) -> list[int]:
        """As `uids`, only those that the server received on `day` (in its own time zone) or later."""
        since = format_criteria_date(datetime.combine(day, time())).decode("ascii")
        return self._search(f"UID {low}:{high} SINCE {since}", low, high) if low <= high else []

    def last_uid(self) -> int:
        """The highest UID in the open folder, 0 when it is empty."""
        return max(self._search("UID *", 1, _MAX_UID), default=0)

    def _search(self, criteria: str, low: int, high: int) -> list[int]:
        with _provider_errors():
            self._forget("SEARCH")
            kind, data = self._imap.uid("SEARCH", criteria)
            if kind != "OK":
                raise imaplib.IMAP4.error(data[-1])
            words: list[bytes] = b" ".join(line.partition(b"(")[0] for line in data if line).split()
            return sorted({uid for word in words if low <= (uid := int(word)) <= high})

    def headers(self, uids: Sequence[int]) -> dict[int, Header]:
        """Message-ID, size and time of arrival by UID. What vanished, or the server omits, has no key."""
        with _provider_errors():
            self._forget("FETCH")
            field = f"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]<0.{_MESSAGE_ID_LIMIT}>"
            kind, data = self._imap.uid("FETCH", ",".join(map(str, uids)), f"(RFC822.SIZE INTERNALDATE {field})")
            if kind != "OK":
                raise imaplib.IMAP4.error(data[-1])
            return dict(parse_headers(data))

    def size(self, uid: int) -> int | None:
        """The size that the server estimates; Exchange is wrong by a factor of three. None: no such message."""
        with _provider_errors():
            items = self._fetch([uid], ["RFC822.SIZE"]).get(uid, {})
            size = items.get(b"RFC822.SIZE")
            return size if isinstance(size, int) else None

    def body(self, uid: int, offset: int | None) -> bytes | None:
        """The whole message, or the `CHUNK` bytes of it at `offset`; None where the server has none for this UID."""
        with _provider_errors():
            part = "BODY.PEEK[]" if offset is None else f"BODY.PEEK[]<{offset}.{CHUNK}>"
            items = self._fetch([uid], [part]).get(uid, {})
            content = next((value for key, value in items.items() if key.startswith(b"BODY[]")), None)
            return content if isinstance(content, bytes) else None

    def _fetch(self, uids: list[int], items: list[str]) -> dict[int, dict[bytes, Any]]:
        self._forget("FETCH")
        answer: dict[int, dict[bytes, Any]] = self._client.fetch(uids, items)
        return answer

    def _forget(self, kind: str) -> None:
        """Drops untagged answers that a failed command left behind: imaplib would add them to the next one's."""
        self._imap.untagged_responses.pop(kind, None)

    def notify(self, names: Sequence[str]) -> None:
        """Asks to be told in IDLE of new mail in these folders too, as untagged STATUS (NOTIFY, RFC 5465).

        A hint, as IDLE is: Dovecot 2.3 never tells of folders whose names are not ASCII.
        """
        folders = " ".join(_quoted(encode_utf7(name).decode("ascii")) for name in names)
        events = "(MessageNew MessageExpunge)"
        with _provider_errors():
            what = f"SET (SELECTED {events}) (MAILBOXES ({folders}) {events})"
            kind, data = self._imap._simple_command("NOTIFY", what)
            if kind != "OK":
                raise imaplib.IMAP4.error(data[-1])

    def noop(self) -> None:
        """Lets the server say what is new in the open folder."""
        with _provider_errors():
            self._client.noop()

    def alive(self) -> bool:
        """Whether an unused connection is still open; drops what the server said meanwhile."""
        self.wire.nonblocking()
        said = self.wire.lines()
        return not self.wire.eof and not any(line[:5].upper() == b"* BYE" for line in said)

    def take_exists(self) -> bool:
        """Whether an answer carried an untagged EXISTS since this was last asked."""
        return self._imap.untagged_responses.pop("EXISTS", None) is not None

    def take_elsewhere(self) -> bool:
        """Whether an answer carried a STATUS that NOTIFY sent, since this was last asked."""
        told = self._elsewhere or self._imap.untagged_responses.pop("STATUS", None) is not None
        self._elsewhere = False
        return told

    def begin_idle(self) -> str:
        """The tag of an IDLE command that is to be sent on `wire`."""
        tag: bytes = self._imap._new_tag()
        self._imap.tagged_commands.pop(tag, None)  # its answer is read by the IDLE reader, not by imaplib
        return tag.decode("ascii")

    @property
    def wire(self) -> Wire:
        return self._imap.wire

    def close(self) -> None:
        """Ends the connection without a word; safe at any time and from any thread."""
        self.wire.close()

    def logout(self) -> None:
        """Says goodbye, as servers that count connections like it, and closes."""
        with suppress(OSError):
            self.wire.send(b"BYE LOGOUT\r\n")
        self.close()


@contextmanager
def _provider_errors(
    refusal: Callable[[str], ProviderError] = refused_command, *, unreachable: bool = False
) -> Iterator[None]:
    """Turns every failure into a `ProviderError`; `unreachable`: a transient one means that the host is down."""
    try:
        yield
    except Exception as error:  # a hostile answer can make the parser raise anything
        failure = classify(error, refusal)
        raise Unreachable(str(failure)) if unreachable and isinstance(failure, Transient) else failure from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _oauth_answer(settings: ImapSettings, token: str) -> tuple[str, str]:
    """Mechanism and initial client response: Google's and Microsoft's XOAUTH2, or OAUTHBEARER (RFC 7628, 3.1)."""
    if settings.auth == "xoauth2":
        return "XOAUTH2", f"user={settings.username}\1auth=Bearer {token}\1\1"
    name = settings.username.replace("=", "=3D").replace(",", "=2C")
    where = f"host={settings.host}\1port={settings.port}"
    return "OAUTHBEARER", f"n,a={name},\1{where}\1auth=Bearer {token}\1\1"


def _oauth_status(challenge: bytes) -> str:
    """The `status` of the JSON in which a server says why it refused a token; "" where it says none."""
    try:
        reason = json.loads(challenge)
    except ValueError:
        return ""
    return str(reason.get("status", "")) if isinstance(reason, dict) else ""
