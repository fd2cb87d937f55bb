"""The policy: what becomes of one message, given what is known. Pure; `storage.evidence` gathers the facts.

The order of DESIGN §7: the same message seen before, then the conversation it belongs to and whether its sender may
write there, then a ticket of its own. Every step leaves a line in the decision record. In doubt it asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain import automated, questions
from domain.authorisation import Sender
from domain.conversation import Conversation
from domain.decision import (
    PARENT_PATIENCE,
    PERSON_PATIENCE,
    Answers,
    Decide,
    Decided,
    Decision,
    EvidenceLine,
    Notes,
    who,
)
from domain.email import Address
from domain.facts import Facts, SenderMatch, Sighting, Source, ThreadEvidence, TicketFacts
from domain.governor import govern
from domain.new_mail import NewMail
from domain.sightings import same_message
from domain.task import Answered

__all__ = [
    "PARENT_PATIENCE",
    "PERSON_PATIENCE",
    "Decide",
    "Decided",
    "Decision",
    "EvidenceLine",
    "Facts",
    "SenderMatch",
    "Sighting",
    "Source",
    "ThreadEvidence",
    "TicketFacts",
    "decide",
]


def decide(facts: Facts, answers: Sequence[Answered]) -> Decision:
    """The one outcome of this message, or what has to happen before it can be known."""
    notes, given = Notes(), Answers(answers)
    decision = (
        _discarded_by_person(given, notes)
        or same_message(facts, notes)
        or _canary(facts, notes)
        or _unreadable(facts, given, notes)
        or automated.came_back(facts, notes)
        or _placed(facts, given, notes)
    )
    decision.evidence = notes.lines
    decision.flags = notes.flags
    decision.rules_version = facts.rules_version
    decision.seen = {t.message_id: t.ticket_id for t in facts.threads if t.ticket_id is not None}
    return decision


def _placed(facts: Facts, answers: Answers, notes: Notes) -> Decision:
    """On its ticket, or a ticket of its own, unless it is part of a storm."""
    sender = Sender(facts, notes)
    conversation = Conversation(facts, answers, sender, notes)
    decision = conversation.find()
    if decision is None:
        decision = automated.belongs_nowhere(facts, notes)
    if decision is None:
        decision = NewMail(facts, answers, sender, notes, conversation.continues).decide()
    if decision.action == "append":
        decision.bounced = automated.bounced_address(facts)
    if sender.address != facts.sender:
        decision.author = Address(name=facts.reply_to[0].name, address=sender.address)
    return govern(facts, decision, answers, notes)


def _discarded_by_person(answers: Answers, notes: Notes) -> Decision | None:
    for answer in answers:
        if answer.resolution.choice == "discard":
            notes.add("Answer", f"{who(answer.resolution)} discarded it")
            return Decision(action="discard", reason=answer.kind)
    return None


def _canary(facts: Facts, notes: Notes) -> Decision | None:
    if facts.canary is None:
        return None
    notes.add("Delivery check", "a mail that this mailbox sent to itself, to see how fast mail arrives")
    return Decision(action="discard", reason="canary", canary=facts.canary)


def _unreadable(facts: Facts, answers: Answers, notes: Notes) -> Decision | None:
    if not facts.unreadable:
        return None
    answer = answers.to("repair_message")
    if answer is None:
        notes.add("Message", "neither sender, subject nor text could be read")
        return Decision(action="ask", question=questions.repair_message())
    notes.add("Answer", f"{who(answer)} wants a ticket of what is there")
    return None
