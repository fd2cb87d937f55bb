"""The names by which the rest of the house, and operators, know the workflows."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAIL_QUEUE: Final = "mail"
PROVIDER_QUEUE: Final = "provider-io"
SYNC_QUEUE: Final = "mailbox-sync"
JOBS_QUEUE: Final = "mailbox-jobs"
LISTENER_QUEUE: Final = "listener"

# How long the namespace keeps closed runs: longer than any provider redelivers, since as long as a closed run is kept,
# its workflow id cannot start a second one.
RUNS_KEPT: Final = timedelta(days=30)

INBOUND_EMAIL: Final = "InboundEmailWorkflow"
MAILBOX: Final = "MailboxWorkflow"
LISTENER: Final = "ListenerWorkflow"
MAILBOX_JOB: Final = "MailboxJobWorkflow"
UPKEEP: Final = "UpkeepWorkflow"
RETENTION: Final = "RetentionWorkflow"
# Id of the schedule, and of the run that it starts.
UPKEEP_ID: Final = "upkeep"
RETENTION_ID: Final = "retention"
EVENT_DELIVERY: Final = "EventDeliveryWorkflow"

RESOLVE_TASK: Final = "resolve_task"
PARENT_DONE: Final = "parent_done"

NOTIFY: Final = "notify"
PAUSE: Final = "pause"
RESUME: Final = "resume"
RESYNC: Final = "resync"
RECONFIGURE: Final = "reconfigure"
CREDENTIALS_CHANGED: Final = "credentials_changed"
STATUS: Final = "status"

# All of type Keyword; at most eight, nothing personal.
SEARCH_ATTRIBUTES: Final = (
    "TenantId",
    "MailboxId",
    "Provider",
    "Outcome",
    "WaitReason",
    "MessageIdHash",
    "TicketNo",
)
