"""Every failure leaves an activity as a classified error whose text holds no content.

Transient ones are retried by the step's policy for as long as it takes. What is permanent, and what keeps failing for
reasons nobody foresaw, becomes non-retryable: the workflow then asks a person.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from providers.base import AuthFailed, Permanent, ProviderError, RateLimited
from storage.database import TRANSIENT

# Attempts of a step whose failure fits no class, at the policy's back-off: about three minutes.
UNFORESEEN_ATTEMPTS = 10
# The steps whose workflow asks a person when they give up. All others go on trying: without them nobody could answer.
GIVE_UP = frozenset(
    {
        "fetch_message",
        "parse_message",
        "find_thread",
        "create_ticket",
        "append_comment",
        "record_outcome",
        "store_attachments",
    }
)


class ClassifyFailures(Interceptor):
    """Wraps each activity; see `classify`."""

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> ActivityInboundInterceptor:
        return _Classify(next)


class _Classify(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except (ApplicationError, CancelledError, asyncio.CancelledError, activity._CompleteAsyncError):
            raise
        except Exception as error:
            info = activity.info()
            failure = classify(error, info.attempt if info.activity_type in GIVE_UP else 1)
            activity.logger.warning("activity failed: %s", failure.type, extra={"failure": failure.type})
            # The cause stays here: its text may quote what it stumbled over.
            raise failure from None


def classify(error: Exception, attempt: int) -> ApplicationError:
    """The error as Temporal may see it: its class's name as type, whether to retry, and when."""
    name = type(error).__name__
    if isinstance(error, RateLimited):
        delay = max(error.until - datetime.now(UTC), timedelta(0)) if error.until else None
        return ApplicationError(
            "throttled by the source", type=name, next_retry_delay=delay, category=ApplicationErrorCategory.BENIGN
        )
    if isinstance(error, Permanent):
        return ApplicationError("the source refused for good", type=name, non_retryable=True)
    if isinstance(error, AuthFailed):
        return ApplicationError("the source refused the credentials", type=name)
    # A missing object is an OSError that waiting does not mend.
    if isinstance(error, (ProviderError, RPCError, *TRANSIENT)) and not isinstance(error, FileNotFoundError):
        return ApplicationError("a service is not reachable", type=name, category=ApplicationErrorCategory.BENIGN)
    return ApplicationError("unexpected failure", type=name, non_retryable=attempt >= UNFORESEEN_ATTEMPTS)
