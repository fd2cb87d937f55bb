"""The operator's commands as argparse declares them; each loads its code when it runs: `--help` answers at once."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

# As domain.events has them; loading that takes half a second.
EVENT_KINDS = ("ticket.created", "comment.added", "task.opened", "task.resolved", "mailbox.status", "email.excluded")


def add(commands: Any) -> None:
    """Adds every operator command to the parser's `commands`."""
    _mailbox(commands.add_parser("mailbox", help="add, list, test, pause, resume and resync mailboxes"))

    deliver = commands.add_parser("deliver", help="hand mails to an SMTP or raw mailbox from files")
    deliver.add_argument("--mailbox", required=True, metavar="M", help="its address or id")
    deliver.add_argument("files", nargs="+", type=Path, metavar="FILE")
    deliver.set_defaults(run=_code("workers.commands", "deliver"))

    trace = commands.add_parser("trace", help="what happened to a message, and why")
    trace.add_argument("message_id", metavar="MESSAGE_ID", help="with or without angle brackets")
    trace.set_defaults(run=_code("workers.commands", "trace"))

    explain = commands.add_parser("explain", help="what would become of a mail; changes nothing")
    explain.add_argument("file", metavar="FILE", help="a mail in RFC 5322 form; - is standard input")
    explain.add_argument("--mailbox", required=True, metavar="M", help="the mailbox it would reach: its address or id")
    explain.add_argument("--json", action="store_true", help="the whole decision record")
    explain.set_defaults(run=_code("workers.explain_command", "run"))

    doctor = commands.add_parser(
        "doctor",
        help="examine this installation step by step, and say what to do",
        description="Settings, keys, Postgres, row-level security, clocks, the object store, Temporal and its workers, "
        "the public URLs, and each mailbox. Changes nothing. Exit status: 0 when all is in order, 1 otherwise.",
    )
    doctor.add_argument("--json", action="store_true", help="one JSON line each: name, state, detail, advice")
    doctor.set_defaults(run=_code("workers.doctor", "run", database=False))

    reconcile = commands.add_parser(
        "reconcile",
        help="compare mailboxes with their sources: is anything missing or stuck?",
        description="Lists each mailbox at its source and compares it with the ledger, and the ledger's open messages "
        "with Temporal. The same check runs by itself once a day and repairs what it finds. Exit status: 0 when "
        "nothing is missing or stuck (any more), 1 otherwise.",
    )
    reconcile.add_argument("--mailbox", metavar="M", help="only this one: its address or id (all)")
    reconcile.add_argument("--since", metavar="YYYY-MM-DD", help="how far back (since the last complete check)")
    reconcile.add_argument("--repair", action="store_true", help="list what is missing, start again what is stuck")
    reconcile.add_argument("--json", action="store_true", help="one JSON line each")
    reconcile.set_defaults(run=_code("workers.reconcile_command", "run"))

    rules = commands.add_parser("rules", help="rules for new mail").add_subparsers(metavar="ACTION", required=True)
    replay = rules.add_parser("replay", help="which past mails would land elsewhere under the rules of today")
    replay.add_argument("--since", required=True, metavar="YYYY-MM-DD")
    replay.add_argument("--json", action="store_true", help="one JSON line each")
    replay.set_defaults(run=_code("workers.commands", "rules_replay"))

    events = commands.add_parser("events", help="what other systems are told").add_subparsers(
        metavar="ACTION", required=True
    )
    tail = events.add_parser("tail", help="print events as they happen, until Ctrl-C")
    tail.add_argument("--kind", action="append", choices=EVENT_KINDS, help="only these, repeatable (all)")
    tail.add_argument("--last", type=int, default=10, metavar="N", help="begin with so many past ones (%(default)s)")
    tail.add_argument("--no-follow", action="store_true", help="end after the past ones")
    tail.add_argument("--json", action="store_true", help="one JSON line each, as subscribers get them")
    tail.set_defaults(run=_code("workers.events_command", "tail"))

    erase = commands.add_parser("erase", help="erase a person or a message; ids, digests and who asked stay")
    erase.add_argument("kind", choices=["person", "message"])
    erase.add_argument("what", metavar="WHAT", help="a mail address; or a Message-ID, or the id of a message")
    erase.add_argument("--reason", required=True, help="why; stays in the audit log, so name nobody in it")
    erase.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    _tenant(erase)
    erase.set_defaults(run=_code("workers.erase_command", "run"))

    _tenants(commands)
    _people(commands)
    _clients(commands)

    history = commands.add_parser("history", help="workflow histories").add_subparsers(metavar="ACTION", required=True)
    export = history.add_parser("export", help="print a workflow's history as JSON, for replay tests")
    export.add_argument("workflow_id", metavar="WORKFLOW_ID")
    export.set_defaults(run=_code("workers.commands", "history_export", database=False))


def _tenants(commands: Any) -> None:
    tenant = commands.add_parser("tenant", help="organisations that share this installation")
    actions = tenant.add_subparsers(metavar="ACTION", required=True)
    added = actions.add_parser("add", help="add a tenant with inbound defaults, and print its id")
    added.add_argument("name")
    added.set_defaults(run=_code("workers.tenant_commands", "add"))
    actions.add_parser("list", help="all tenants").set_defaults(run=_code("workers.tenant_commands", "show"))


def _people(commands: Any) -> None:
    user = commands.add_parser("user", help="people who sign in").add_subparsers(metavar="ACTION", required=True)
    added = user.add_parser("add", help="add a person and print a link that signs them in once")
    added.add_argument("email")
    added.add_argument("--name", help="(the address)")
    added.add_argument("--role", choices=["viewer", "agent", "admin", "owner"], default="agent", help="(%(default)s)")
    _tenant(added)
    added.set_defaults(run=_code("workers.people_commands", "user_add"))
    link = user.add_parser("link", help="print a link at which a person sets a password")
    link.add_argument("email")
    link.add_argument("--once", action="store_true", help="a link that signs in once instead, without a password")
    _tenant(link)
    link.set_defaults(run=_code("workers.people_commands", "user_link"))
    listed = user.add_parser("list", help="who signs in, and when they last did")
    _tenant(listed)
    listed.set_defaults(run=_code("workers.people_commands", "user_list"))
    for name, text, active in (
        ("stop", "end a person's access: password, sessions, links", False),
        ("allow", "let a person in again; they need a new link", True),
    ):
        action = user.add_parser(name, help=text)
        action.add_argument("email")
        _tenant(action)
        action.set_defaults(run=_code("workers.people_commands", "user_stop"), active=active)

    token = commands.add_parser("token", help="tokens for the API").add_subparsers(metavar="ACTION", required=True)
    made = token.add_parser("add", help="make a token; it is shown once")
    made.add_argument("name", help="the system that will use it; it stands in the audit log")
    made.add_argument(
        "--scope", choices=["read", "write", "admin"], default="read",
        help="read; write: also answers and tickets; admin: whatever an admin may (%(default)s)",
    )  # fmt: skip
    _tenant(made)
    made.add_argument("--days", type=_days, metavar="N", help="until it ends (until it is revoked)")
    made.set_defaults(run=_code("workers.people_commands", "token_add"))
    tokens = token.add_parser("list", help="all tokens and until when they hold")
    _tenant(tokens)
    tokens.set_defaults(run=_code("workers.people_commands", "token_list"))
    revoked = token.add_parser("revoke", help="end a token at once")
    revoked.add_argument("token", metavar="ID", help="as `postroom token list` shows it")
    _tenant(revoked)
    revoked.set_defaults(run=_code("workers.people_commands", "token_revoke"))

    audit = commands.add_parser("audit", help="the log of who did what").add_subparsers(metavar="ACTION", required=True)
    verify = audit.add_parser("verify", help="check the log's hash chain; exit status 1 when it does not hold")
    verify.add_argument("--expect", metavar="POSITION:HASH", help="also check that this entry, noted earlier, is there")
    verify.set_defaults(run=_code("workers.people_commands", "audit_verify"))


def _tenant(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="T", help="its id or name, where there are several")


def _clients(commands: Any) -> None:
    client = commands.add_parser("client", help="organisations that write here").add_subparsers(
        metavar="ACTION", required=True
    )
    added = client.add_parser("add", help="add a client; mail from its domains is its own")
    added.add_argument("name")
    added.add_argument("--domain", action="append", default=[], metavar="D", help="example.com, repeatable")
    _tenant(added)
    added.set_defaults(run=_code("workers.client_commands", "add"))
    listed = client.add_parser("list", help="all clients with their domains")
    _tenant(listed)
    listed.set_defaults(run=_code("workers.client_commands", "show"))


def _days(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 3650):
        raise argparse.ArgumentTypeError("1 to 3650")
    return int(value)


def _mailbox(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    added = actions.add_parser("add", help="connect a mailbox")
    added.add_argument("provider", choices=["smtp", "raw", "imap", "gmail", "microsoft"])
    added.add_argument("address", help="the mailbox's mail address")
    added.add_argument("--folder", action="append", help="imap, microsoft: a folder to read, repeatable (the inbox)")
    added.add_argument("--since", metavar="YYYY-MM-DD", help="also mail received since then (from now on)")
    added.add_argument(
        "--canary-minutes", type=int, metavar="N", help="send the mailbox a mail every N minutes to see that it arrives"
    )
    _tenant(added)
    imap = added.add_argument_group("imap", "see docs/imap.md")
    imap.add_argument("--host", help="the server's name")
    imap.add_argument("--port", type=int, default=993, help="the server's port (%(default)s)")
    imap.add_argument("--security", choices=["tls", "starttls", "plaintext"], default="tls", help="(%(default)s)")
    imap.add_argument("--username", help="the login name (the address)")
    imap.add_argument("--submission-host", metavar="HOST", help="SMTP server that takes the mails of --canary-minutes")
    imap.add_argument("--submission-port", type=int, metavar="PORT", default=465, help="its port (%(default)s)")
    imap.add_argument("--submission-security", choices=["tls", "starttls", "plaintext"], default="tls")
    imap.add_argument("--password-file", metavar="FILE", help="holds the password; - is standard input")
    imap.add_argument(
        "--oauth",
        choices=["google", "microsoft", "other"],
        help="access tokens instead of a password, with --client-file or --client-id: asks for consent",
    )
    imap.add_argument(
        "--oauth-mechanism",
        choices=["xoauth2", "oauthbearer"],
        default="xoauth2",
        help="how they are sent (%(default)s)",
    )
    imap.add_argument("--application", action="store_true", help="tokens of the application itself, without consent")
    imap.add_argument("--token-url", metavar="URL", help="other: where tokens come from")
    imap.add_argument("--authorize-url", metavar="URL", help="other: the page on which the user agrees")
    imap.add_argument("--scope", help="other: the scope for IMAP")
    gmail = added.add_argument_group("gmail", "see docs/gmail.md")
    gmail.add_argument("--key-file", metavar="FILE", help="the JSON key of a service account with delegation")
    gmail.add_argument("--client-file", metavar="FILE", help="the JSON of an OAuth desktop client: asks for consent")
    gmail.add_argument("--label", action="append", help="id of a label to read, repeatable (INBOX)")
    gmail.add_argument("--topic", help="projects/P/topics/T of Pub/Sub; without it the mailbox is polled")
    gmail.add_argument("--subscription", help="projects/P/subscriptions/S to pull from, where nothing can be pushed")
    gmail.add_argument("--pull-key-file", metavar="FILE", help="JSON key to pull with (that of --key-file)")
    gmail.add_argument("--push-service-account", help="whose tokens the pushes carry")
    gmail.add_argument("--push-audience", help="the audience of those tokens (the push endpoint)")
    gmail.add_argument("--units-per-minute", type=int, help="the project's quota per user (6000)")
    gmail.add_argument("--units-per-message", type=int, help="what reading a message costs of it (20)")
    microsoft = added.add_argument_group("microsoft", "see docs/microsoft365.md")
    microsoft.add_argument("--directory", help="the Entra tenant: its id or a domain")
    microsoft.add_argument("--client-id", help="the application (client) id")
    microsoft.add_argument("--client-secret-file", metavar="FILE", help="holds the client secret; - is standard input")
    microsoft.add_argument("--certificate-file", metavar="FILE", help="PEM: the certificate and its private key")
    microsoft.add_argument("--user", help="the mailbox's user, better as object id (the address)")
    microsoft.add_argument("--consent", action="store_true", help="delegated: the user agrees in a browser")
    microsoft.add_argument("--no-notify", action="store_true", help="poll instead of subscribing")
    added.set_defaults(run=_code("workers.mailbox_commands", "add"))
    actions.add_parser("list", help="all mailboxes and how they stand").set_defaults(
        run=_code("workers.mailbox_commands", "show")
    )
    for name, text, function in (
        ("test", "try its source step by step, and say what to do where one fails", "test"),
        ("pause", "stop reading, keep the cursor", "signal"),
        ("resume", "read on from the cursor", "signal"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("mailbox", help="its address or id")
        action.set_defaults(run=_code("workers.mailbox_commands", function), signal=name)
    resync = actions.add_parser("resync", help="list everything since a date again; what is known stays as it is")
    resync.add_argument("mailbox", help="its address or id")
    resync.add_argument("--since", required=True, metavar="YYYY-MM-DD")
    resync.set_defaults(run=_code("workers.mailbox_commands", "signal"), signal="resync")
    _keys(actions.add_parser("key", help="keys that open its encrypted mail, certificates that verify signatures"))


def _keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    added = actions.add_parser(
        "add",
        help="store a key or certificate; kept encrypted mail that it opens is read anew",
        description="What the file holds is seen by itself: an S/MIME key with its certificate (PKCS#12 or PEM), a "
        "certificate of a person or an authority (PEM), an OpenPGP secret or public key (armored). Stored sealed.",
    )
    added.add_argument("mailbox", help="its address or id")
    added.add_argument("file", metavar="FILE", help="- is standard input")
    added.add_argument("--passphrase-file", metavar="FILE", help="holds the passphrase of the PKCS#12 file or PEM key")
    added.set_defaults(run=_code("workers.mail_key_commands", "add"))
    listed = actions.add_parser("list", help="what is stored, without what is secret")
    listed.add_argument("mailbox", help="its address or id")
    listed.set_defaults(run=_code("workers.mail_key_commands", "show"))
    removed = actions.add_parser("remove", help="forget a key or certificate")
    removed.add_argument("mailbox", help="its address or id")
    removed.add_argument("key", metavar="KEY_ID", help="as `list` shows it")
    removed.set_defaults(run=_code("workers.mail_key_commands", "remove"))


def _code(module: str, function: str, *, database: bool = True) -> Callable[[argparse.Namespace], int]:
    """The command's function, imported when it runs."""

    def run(args: argparse.Namespace) -> int:
        from workers.command import run_command

        return run_command(getattr(importlib.import_module(module), function), args, database=database)

    return run
