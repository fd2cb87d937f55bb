"""One subscriber's outgoing events: delivers what is due and ends; the next one, or a retry's time, starts it again."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.events import EndpointRef
    from workflows import names, steps


@workflow.defn(name=names.EVENT_DELIVERY)
class EventDeliveryWorkflow:
    @workflow.run
    async def run(self, endpoint: EndpointRef) -> int:
        """How many events were delivered."""
        delivered = 0
        more = True
        while more:
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(endpoint)
            report = await steps.DELIVER_EVENTS(endpoint, "what is due, in order for each ticket")
            delivered += report.delivered
            more = report.more
            workflow.set_current_details(f"{delivered} delivered, {report.failed} to be tried again")
        return delivered
