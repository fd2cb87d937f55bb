"""Reading small new messages on the connection that heard of them.

A worker that fetches one later has to log in for it, as a mailbox that rarely gets mail has no connection waiting: that
and the activity cost more than all else on the message's way. Large messages, and many at once, are left to workers.
"""

from __future__ import annotations

from dataclasses import replace

from providers.base import Listed, ProviderError
from providers.imap.connection import ImapConnection
from providers.imap.errors import BadAnswer, is_placeholder
from providers.imap.locator import Locator
from providers.imap.sync import Batch

# Messages of one listing, and bytes of each.
AT_ONCE = 8
LARGEST = 64 * 1024


def read_ahead(connection: ImapConnection, batch: Batch) -> Batch:
    """`batch` with the content of its messages where it can be had now; its folder is open on `connection`.

    What cannot is fetched by a worker, which knows what to make of it. A message that breaks the connection is listed
    all the same, and once.
    """
    if len(batch.messages) > AT_ONCE:
        return batch
    messages = list(batch.messages)
    broke: ProviderError | None = None
    try:
        for number, message in enumerate(messages):
            if message.size and message.size <= LARGEST:
                messages[number] = replace(message, content=_content(connection, message))
    except ProviderError as error:
        broke = error
    # What arrived meanwhile was announced with these answers, and will not be again.
    return replace(batch, messages=messages, more=batch.more or connection.take_exists(), broke=broke)


def _content(connection: ImapConnection, message: Listed) -> bytes | None:
    """None for what is empty, a placeholder, or much larger than the server said."""
    try:
        content = connection.body(Locator.parse(message.locator).uid, None)
    except BadAnswer:
        return None
    return content if content and len(content) <= 2 * LARGEST and not is_placeholder(content) else None
