"""The mails of the demo conversation: the first ones a newcomer sees.

They are the same bytes every time for the same starting moment, so that a demo that was cut short can be sent again
and still makes each ticket once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

SUPPORT = "support@postroom.test"
ORDERS = "orders@postroom.test"

BAKERY = "Harbour Bakery"
BOOKSHOP = "Tidewater Books"
ACCOUNTANT_NAME = "Ines Calder"
ACCOUNTANT = "ines@calder-accounts.example"
CLIENT_DOMAINS = {BAKERY: "harbour-bakery.example", BOOKSHOP: "tidewater-books.example"}

MARA = "Mara Lindqvist <mara@harbour-bakery.example>"
JONAS = "Jonas Okafor <jonas@tidewater-books.example>"
WREN = "Wren Abara <wren@tidewater-books.example>"
INES = f"{ACCOUNTANT_NAME} <{ACCOUNTANT}>"

_TERMINAL = """\
Good morning,

since we opened today the card terminal at the counter takes payments
but prints no receipts. The paper roll is new, and the light beside the
slot blinks orange twice, then pauses.

We have a second terminal in the kitchen, so there is no hurry before
noon, when the queue gets long.

Kind regards
Mara Lindqvist
Harbour Bakery
"""

_TERMINAL_REPLY = """\
Hello again,

I ran the self-test as the label inside the lid says. The printout comes
to my phone even though the paper stays empty, so I attach it.

Mara

On {date:%d %B %Y at %H:%M}, Mara Lindqvist wrote:
> since we opened today the card terminal at the counter takes payments
> but prints no receipts. The paper roll is new, and the light beside the
> slot blinks orange twice, then pauses.
"""

_SELF_TEST = """\
SELF-TEST  terminal 0417
paper sensor ........ ok
cutter .............. ok
print head .......... FAIL  temperature sensor open (E-27)
card reader ......... ok
network ............. ok
"""

_NEW_COLLEAGUE = """\
Dear team,

Wren Abara joins us on Thursday and will place our orders from then on.
Could you add her to our account, with the same rights that I have? Her
address is wren@tidewater-books.example.

Thank you
Jonas Okafor
Tidewater Books
"""

_SCANNERS = """\
Hello,

please send us four handheld scanners, the cordless model we already
have, with one charging station. Our purchase order is TB-2091; the
delivery address is the shop, not the warehouse.

When could they be here?

Wren Abara
Tidewater Books
"""

_INVOICES = """\
Hello,

the September invoice lists two service visits, but I find only one
visit report in the books. Could you send me the second report, or
correct the invoice?

Best regards
Ines Calder
Calder Accounts
"""


@dataclass(frozen=True)
class DemoMail:
    """One mail and how to speak of it."""

    title: str
    recipient: str
    message: EmailMessage

    @property
    def message_id(self) -> str:
        """The Message-ID without its brackets."""
        return str(self.message["Message-ID"])[1:-1]

    def as_bytes(self) -> bytes:
        return self.message.as_bytes()


@dataclass(frozen=True)
class Conversation:
    """All mails of the demo; `repeated` is `colleague` once more, by way of another relay."""

    terminal: DemoMail
    terminal_reply: DemoMail
    colleague: DemoMail
    repeated: DemoMail
    scanners: DemoMail
    invoices: DemoMail

    def story(self) -> list[tuple[DemoMail, ...]]:
        """In the order of the story: each mail with all its deliveries."""
        return [
            (self.terminal,),
            (self.terminal_reply,),
            (self.colleague, self.repeated),
            (self.scanners,),
            (self.invoices,),
        ]


def conversation(start: datetime) -> Conversation:
    """The mails, dated from `start` (with a time zone) on."""

    def mail(
        minute: int, sender: str, recipient: str, subject: str, text: str, *, reply_to: EmailMessage | None = None
    ) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        domain = sender.rstrip(">").rpartition("@")[2]
        message["Date"] = format_datetime(start + timedelta(minutes=minute))
        message["From"] = sender
        message["To"] = recipient
        message["Subject"] = subject
        message["Message-ID"] = f"<{start:%Y%m%d%H%M%S}.{minute}@{domain}>"
        if reply_to is not None:
            message["In-Reply-To"] = message["References"] = str(reply_to["Message-ID"])
        message.set_content(text)
        return message

    terminal = mail(0, MARA, SUPPORT, "Card terminal prints no receipts", _TERMINAL)
    reply = mail(
        7, MARA, SUPPORT, "Re: Card terminal prints no receipts", _TERMINAL_REPLY.format(date=start), reply_to=terminal
    )
    reply.add_attachment(_SELF_TEST, filename="self-test.txt")
    reply.set_boundary("self-test-of-terminal-0417")
    colleague = mail(9, JONAS, SUPPORT, "A new colleague on our account", _NEW_COLLEAGUE)
    scanners = mail(11, WREN, ORDERS, "Order TB-2091: four handheld scanners", _SCANNERS)
    invoices = mail(14, INES, SUPPORT, "One visit report is missing", _INVOICES)
    return Conversation(
        terminal=DemoMail("Mara's mail about the card terminal", SUPPORT, terminal),
        terminal_reply=DemoMail("her reply with the self-test attached", SUPPORT, reply),
        colleague=DemoMail("Jonas's mail about a new colleague", SUPPORT, colleague),
        repeated=DemoMail("Jonas's mail about a new colleague", SUPPORT, _by_another_relay(colleague)),
        scanners=DemoMail("Wren's order, over IMAP", ORDERS, scanners),
        invoices=DemoMail("a question from Ines, who keeps the books of two clients", SUPPORT, invoices),
    )


def _by_another_relay(message: EmailMessage) -> EmailMessage:
    """The same mail as a relay delivers it that had not seen the first one's 250 in time."""
    relayed = EmailMessage(policy=SMTP)
    relayed["Received"] = f"from relay-b.example.net by mx.postroom.test with ESMTP; {message['Date']}"
    for name, value in message.items():
        relayed[name] = value
    relayed.set_payload(message.get_payload())
    return relayed
