"""The trace of a message through Temporal, by the SDK's own interceptor, without a span for each command.

A workflow hands the trace that it was started in on to its activities as it is. The SDK would make a span for each of
them to hang on: it lasts no time, says nothing that the activity's own span does not, and doubles what a trace costs.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.worker import (
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

_HEADER = "_tracer-data"


class MessageTracing(TracingInterceptor):
    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's name
    ) -> type[TracingWorkflowInboundInterceptor]:
        super().workflow_interceptor_class(input)
        return _Workflow


class _Workflow(TracingWorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        WorkflowInboundInterceptor.init(self, _HandOn(outbound))


class _HandOn(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        input.headers = {**input.headers, **_trace()}
        return super().start_activity(input)

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002
        input.headers = {**input.headers, **_trace()}
        return super().start_local_activity(input)


def _trace() -> dict[str, Any]:
    """The header that this run was started with: the same on replay."""
    header = workflow.info().headers.get(_HEADER)
    return {_HEADER: header} if header is not None else {}
