"""The sandbox that workflows run in, without what the SDK asks it about every payload.

Before each payload of an activation is converted the SDK runs code in the run's sandbox to learn the payload's context,
some sixty times a mail, which is a fifth of a worker's processor time. No converter or codec of ours looks at a context
and nothing is stored outside, so the answer is known: none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
    from temporalio.workflow import Info

_NOWHERE = StorageDriverStoreContext(target=None)


class _WithoutContexts(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return _NOWHERE

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()


class _Runner(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _WithoutContexts(super().create_instance(det))


def runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    """For a plugin."""
    # The sandbox re-imports a workflow's module for every run: each module is small, and all it imports passes through.
    return _Runner(SandboxRestrictions.default.with_passthrough_modules("domain", "workflows.steps", "workflows.names"))
