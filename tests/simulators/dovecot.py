"""A real Dovecot on loopback with a private configuration, for tests; it needs no root and touches nothing else.

Debian's packages: dovecot-imapd, dovecot-lmtpd. Where they are missing, tests that ask for it are skipped.
"""

from __future__ import annotations

import datetime
import getpass
import grp
import http.server
import imaplib
import ipaddress
import itertools
import json
import os
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.imap.settings import ImapSettings

BINARY = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
PASSWORD = "correct-horse"
"""Of every user; a user exists as soon as it is named."""
_START_SECONDS = 10.0

_CONFIG = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
default_process_limit = 3000
default_client_limit = 20000
default_vsz_limit = 0
protocols = imap lmtp
ssl = yes
ssl_cert = <{root}/server.pem
ssl_key = <{root}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login {oauth_mechanisms}
auth_failure_delay = 0
mail_location = {mail_location}
mail_max_userip_connections = 0
mail_fsync = never
mailbox_list_index = yes
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={root}/mail/%u allow_all_users=yes
}}
{oauth}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  client_limit = 10000
  inet_listener imap {{
    address = 127.0.0.1
    port = {plain_port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  service_count = {service_count}
  client_limit = {clients_per_process}
}}
service lmtp {{
  user = {mail_user}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lmtp {{
  auth_username_format = %u
}}
protocol imap {{
  imap_idle_notify_interval = {keepalive_seconds} secs
  {capability}
}}
"""
_OAUTH = """
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {root}/oauth2.conf
}}
"""
_OAUTH_CONFIG = """
introspection_mode = post
introspection_url = http://127.0.0.1:{port}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


@dataclass
class Dovecot:
    """One server. `idle=False` takes IDLE out of its capabilities; `clients_per_process` raises how many it carries."""

    idle: bool = True
    keepalive_seconds: int = 120
    clients_per_process: int = 1
    mail_format: str = "sdbox"
    tokens: dict[str, str] = field(default_factory=dict)
    """Access tokens that are accepted, with the user name they stand for."""

    def __post_init__(self) -> None:
        # Not below pytest's folder: that belongs to one user, and is closed to others again by every run of pytest.
        self.root = Path(tempfile.mkdtemp(prefix="postroom-dovecot-"))
        self.plain_port, self.tls_port, self.lmtp_port = free_port(), free_port(), free_port()
        self.ca_file = self.root / "ca.pem"
        self._process: subprocess.Popen[bytes] | None = None
        self._introspection = _introspection_server(self.tokens)
        self._write_files()

    def _write_files(self) -> None:
        for folder in ("run", "state", "mail"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        write_test_certificates(self.root)
        mail_user, mail_group = _mail_account()
        as_root = os.geteuid() == 0
        user = "dovecot" if as_root else getpass.getuser()
        if as_root:  # Dovecot's own processes and the mail then belong to other users than ours
            self.root.chmod(0o755)
            shutil.chown(self.root / "mail", mail_user, mail_group)
        values = {
            "root": self.root, "password": PASSWORD, "user": user, "group": _group_of(user), "mail_user": mail_user,
            "mail_group": mail_group, "plain_port": self.plain_port, "tls_port": self.tls_port,
            "lmtp_port": self.lmtp_port, "clients_per_process": self.clients_per_process,
            # A process that serves one connection and ends is the default; 0 lets it serve as many as it may.
            "service_count": 0 if self.clients_per_process > 1 else 1,
            "keepalive_seconds": self.keepalive_seconds, "oauth_mechanisms": "xoauth2 oauthbearer",
            "mail_location": f"{self.mail_format}:~/box",
            "oauth": _OAUTH.format(root=self.root),
            "capability": "" if self.idle else "imap_capability = IMAP4rev1 UIDPLUS ID LITERAL+",
        }  # fmt: skip
        (self.root / "oauth2.conf").write_text(_OAUTH_CONFIG.format(port=self._introspection.server_port))
        (self.root / "dovecot.conf").write_text(_CONFIG.format(**values))

    def fill(self, user: str, messages: Iterable[bytes], internaldate: str) -> None:
        """Appends many messages to the INBOX, a thousand in one command (MULTIAPPEND, RFC 3502; LITERAL+)."""
        with self.client(user) as client:
            for number, batch in enumerate(_batches(messages, 1000)):
                parts = (b' "%s" {%d+}\r\n%s' % (internaldate.encode(), len(raw), raw) for raw in batch)
                client.send(b"fill%d APPEND INBOX%s\r\n" % (number, b"".join(parts)))
                answer = client.readline()
                assert answer.startswith(b"fill%d OK" % number), answer

    def settings(self, user: str, **changes: object) -> ImapSettings:
        """How to connect to the mailbox of `user` over TLS."""
        values = {"host": "127.0.0.1", "port": self.tls_port, "username": user, "ca_file": str(self.ca_file)}
        return ImapSettings.model_validate(values | changes)

    def start(self) -> None:
        """Starts the server and returns when it takes connections."""
        assert BINARY is not None
        self._process = subprocess.Popen([BINARY, "-F", "-c", self.root / "dovecot.conf"], start_new_session=True)
        wait_until(self._listens, _START_SECONDS)

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError("Dovecot did not start: " + (self.root / "dovecot.log").read_text()[-2000:])
        with suppress(OSError):
            for port in (self.plain_port, self.tls_port, self.lmtp_port):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    def kill(self) -> None:
        """SIGKILL to the whole server at once, as a power failure does. (SIGTERM takes it up to ten seconds.)"""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            (self.root / "run" / "master.pid").unlink(missing_ok=True)
            wait_until(self._gone, _START_SECONDS)

    def _gone(self) -> bool:
        """Whether the last of its processes, too, has let go of the ports."""
        with suppress(OSError):
            for port in (self.plain_port, self.tls_port, self.lmtp_port):
                socket.create_server(("127.0.0.1", port)).close()
            return True
        return False

    def close(self) -> None:
        self.kill()
        self._introspection.shutdown()
        self._introspection.server_close()
        shutil.rmtree(self.root)

    def deliver(self, user: str, raw: bytes) -> None:
        """Delivers over LMTP into the user's INBOX; the mail is there when this returns."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=30) as lmtp:
            lmtp.sendmail("sender@example.org", [user], raw)

    @contextmanager
    def client(self, user: str) -> Iterator[imaplib.IMAP4]:
        """Another client of the mailbox: appends, deletes, makes folders."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        with imaplib.IMAP4_SSL("127.0.0.1", self.tls_port, ssl_context=context, timeout=60) as client:
            client.login(user, PASSWORD)
            yield client


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """The server that tests share; use user names of your own."""
    with running_dovecot() as server:
        yield server


@contextmanager
def running_dovecot(
    *,
    idle: bool = True,
    keepalive_seconds: int = 120,
    clients_per_process: int = 1,
    mail_format: str = "sdbox",
) -> Iterator[Dovecot]:
    """A server of one's own, for tests that restart or configure it; skips the test where there is no Dovecot."""
    if BINARY is None:
        pytest.skip("Dovecot is not installed (Debian: dovecot-imapd dovecot-lmtpd)")
    server = Dovecot(idle, keepalive_seconds, clients_per_process, mail_format)
    try:
        server.start()
        yield server
    finally:
        server.close()


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Polls until `condition()` holds. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_test_certificates(folder: Path) -> None:
    """Writes `ca.pem`, `server.pem` and `server.key`: an authority of the test's own and a certificate for loopback."""
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postroom test CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])

    def builder(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )

    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(for_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    server = (
        builder(name, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_key_usage(for_authority=False), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _key_usage(*, for_authority: bool) -> x509.KeyUsage:
    """Python 3.13 verifies strictly, and RFC 5280 asks for this extension (4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not for_authority, key_cert_sign=for_authority, crl_sign=for_authority,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _batches(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def _mail_account() -> tuple[str, str]:
    """The user and group that own the mail: ourselves, or where we are root somebody harmless."""
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    return user, _group_of(user)


def _group_of(user: str) -> str:
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def _introspection_server(tokens: dict[str, str]) -> http.server.ThreadingHTTPServer:
    """An OAuth token introspection endpoint (RFC 7662) for Dovecot."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            user = tokens.get(urllib.parse.parse_qs(body).get("token", [""])[0])
            answer = json.dumps({"active": "true" if user else "false", "username": user or ""}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
