"""The policy as a whole: its main ways as a table, and what must hold for whatever facts there are.

Every rule by itself stands in tests/decisions, as scenarios over a real database.
"""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.deciding import (
    PARENT_PATIENCE,
    PERSON_PATIENCE,
    Decision,
    Facts,
    SenderMatch,
    Sighting,
    ThreadEvidence,
    TicketFacts,
    decide,
)
from domain.task import Answered, TaskKind, TaskResolution

EMAIL, OTHER, CLIENT, SECOND_CLIENT, DEFAULTS = (UUID(int=n) for n in (1, 2, 3, 4, 5))
TICKET = TicketFacts(ticket_id=UUID(int=10), number=10, subject="Printer", authors=frozenset({"alice@example.com"}))
SECOND = TicketFacts(ticket_id=UUID(int=11), number=11, subject="Scanner", authors=frozenset({"bob@example.org"}))


def facts(**known: object) -> Facts:
    """An ordinary new mail of somebody unknown; `known` says what is different."""
    usual = {
        "email_id": EMAIL,
        "message_key": "one@example.net",
        "subject": "Hello",
        "sender": "carol@example.net",
        "defaults_id": DEFAULTS,
        "tickets": {TICKET.ticket_id: TICKET, SECOND.ticket_id: SECOND},
    }
    return Facts.model_validate(usual | known)


def reply(**thread: object) -> list[ThreadEvidence]:
    return [ThreadEvidence.model_validate({"source": "in_reply_to", "message_id": "parent@example.com"} | thread)]


def answer(kind: TaskKind, choice: str) -> Answered:
    return Answered(kind=kind, resolution=TaskResolution(choice=choice, by="ann"))


ON_TICKET = reply(ticket_id=TICKET.ticket_id)
TWO_CLIENTS = [
    SenderMatch(client_id=CLIENT, client_name="North", how="contact"),
    SenderMatch(client_id=SECOND_CLIENT, client_name="South", how="contact"),
]


@pytest.mark.parametrize(
    ("known", "action", "reason"),
    [
        ({}, "create", ""),
        ({"matches": TWO_CLIENTS[:1]}, "create", ""),
        ({"threads": ON_TICKET, "sender": "alice@example.com"}, "append", ""),
        ({"threads": ON_TICKET, "internal": True}, "append", ""),
        ({"threads": ON_TICKET, "sender": "dave@example.com"}, "append", ""),
        ({"threads": reply()}, "create", ""),
        ({"kind": "auto_reply"}, "exclude", "auto_reply"),
        ({"kind": "bounce"}, "exclude", "bounce"),
        ({"sightings": [Sighting(email_id=OTHER, earlier=True, outcome="ticket", same_content=True)]}, "duplicate",
         "same_message"),
        ({"sightings": [Sighting(email_id=OTHER, earlier=True, outcome="gone", same_content=None)]}, "create", ""),
    ],
    ids=["new mail", "of a known client", "participant replies", "one of our users replies", "a colleague replies",
         "reply to the unknown", "out of office", "bounce of nothing of ours", "seen before", "seen before and lost"],
)  # fmt: skip
def test_what_needs_nobody_is_decided_at_once(known: dict[str, object], action: str, reason: str) -> None:
    decision = decide(facts(**known), [])
    assert (decision.action, decision.reason) == (action, reason)
    assert decision.evidence


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({"threads": ON_TICKET}, "review_sender"),
        ({"threads": ON_TICKET, "sender": ""}, "review_sender"),
        ({"matches": TWO_CLIENTS}, "identify_client"),
        ({"defaults_id": None}, "missing_defaults"),
        ({"unreadable": True}, "repair_message"),
    ],
    ids=["a stranger replies", "nobody replies", "two clients", "no defaults", "unreadable"],
)
def test_what_is_in_doubt_is_asked_with_a_default_among_its_options(known: dict[str, object], kind: str) -> None:
    question = decide(facts(**known), []).question
    assert question is not None
    assert question.kind == kind
    options = {option.id for option in question.options}
    assert question.default in options
    assert {candidate.option for candidate in question.candidates} <= options
    assert all(candidate.evidence for candidate in question.candidates)


@pytest.mark.parametrize(
    ("known", "given_answer", "action"),
    [
        ({"threads": ON_TICKET}, answer("review_sender", f"ticket:{TICKET.ticket_id}"), "append"),
        ({"threads": ON_TICKET}, answer("review_sender", "new_ticket"), "create"),
        ({"threads": ON_TICKET}, answer("review_sender", "discard"), "discard"),
        ({"matches": TWO_CLIENTS}, answer("identify_client", f"client:{CLIENT}"), "create"),
        ({"matches": TWO_CLIENTS}, answer("identify_client", "no_client"), "create"),
        ({"unreadable": True}, answer("repair_message", "ticket"), "create"),
    ],
)
def test_an_answer_decides(known: dict[str, object], given_answer: Answered, action: str) -> None:
    decision = decide(facts(**known), [given_answer])
    assert decision.action == action
    assert any("ann" in line.result for line in decision.evidence)


def test_the_chosen_client_is_the_tickets() -> None:
    known = facts(matches=TWO_CLIENTS)
    assert decide(known, [answer("identify_client", f"client:{SECOND_CLIENT}")]).client_id == SECOND_CLIENT
    assert decide(known, [answer("identify_client", "no_client")]).client_id is None


@pytest.mark.parametrize(("person", "patience"), [(False, PARENT_PATIENCE), (True, PERSON_PATIENCE)])
def test_a_reply_waits_for_a_parent_that_is_not_decided(person: bool, patience: object) -> None:
    threads = reply(in_flight=OTHER, waits_for_person=person)
    decision = decide(facts(threads=threads), [])
    assert (decision.action, decision.wait_for, decision.patience) == ("wait", OTHER, patience)
    assert decide(facts(threads=threads, waited={OTHER}), []).action == "create"


@pytest.mark.parametrize(("person", "patience"), [(False, PARENT_PATIENCE), (True, PERSON_PATIENCE)])
def test_the_same_mail_waits_long_only_where_a_person_was_asked(person: bool, patience: object) -> None:
    """The earlier one may lie in a mailbox that is paused, or whose source refuses it."""
    sightings = [Sighting(email_id=OTHER, earlier=True, outcome=None, same_mailbox=False, waits_for_person=person)]
    decision = decide(facts(sightings=sightings), [])
    assert (decision.action, decision.wait_for, decision.patience) == ("wait", OTHER, patience)
    assert decide(facts(sightings=sightings, waited={OTHER}), []).action == "create"


def test_the_same_message_id_with_other_content_is_processed_and_flagged() -> None:
    sightings = [Sighting(email_id=OTHER, earlier=True, outcome="ticket", same_content=False)]
    decision = decide(facts(sightings=sightings), [])
    assert (decision.action, decision.flags) == ("create", ["same_message_id"])


def test_a_late_parent_joins_its_replies_ticket_and_brings_their_tickets_together() -> None:
    """Two replies to this mail came first, each with a ticket of its own."""
    threads = [
        *reply(ticket_id=SECOND.ticket_id, message_id="grandparent@example.org"),
        ThreadEvidence(source="own_id", message_id="one@example.net", kind="referenced", ticket_id=TICKET.ticket_id),
    ]
    decision = decide(facts(threads=threads, sender="bob@example.org", recipients={"alice@example.com"}), [])
    assert (decision.action, decision.ticket_id, decision.merge) == ("append", SECOND.ticket_id, [TICKET.ticket_id])


def test_the_commit_learns_what_each_id_pointed_to() -> None:
    decision = decide(facts(threads=ON_TICKET, sender="alice@example.com"), [])
    assert decision.seen == {"parent@example.com": TICKET.ticket_id}


# Whatever the facts --------------------------------------------------------------------------------------------

THREADS = st.builds(
    ThreadEvidence,
    source=st.sampled_from(["in_reply_to", "references", "own_id"]),
    message_id=st.sampled_from(["a@example.com", "b@example.com", "one@example.net"]),
    ticket_id=st.sampled_from([None, TICKET.ticket_id, SECOND.ticket_id, UUID(int=99)]),
    kind=st.sampled_from(["member", "referenced"]),
    in_flight=st.sampled_from([None, OTHER]),
    waits_for_person=st.booleans(),
)
SIGHTINGS = st.builds(
    Sighting,
    email_id=st.just(OTHER),
    earlier=st.booleans(),
    outcome=st.sampled_from([None, "ticket", "comment", "gone", "discarded"]),
    ticket_id=st.sampled_from([None, TICKET.ticket_id]),
    same_content=st.sampled_from([None, True, False]),
)
ANY_FACTS = st.builds(
    facts,
    kind=st.sampled_from(["ordinary", "auto_reply", "bounce", "list", "calendar", "report", "notification"]),
    sender=st.sampled_from(["", "alice@example.com", "carol@example.net", "dave@gmail.com"]),
    recipients=st.frozensets(st.sampled_from(["alice@example.com", "bob@example.org"])),
    internal=st.booleans(),
    unreadable=st.booleans(),
    threads=st.lists(THREADS, max_size=4),
    sightings=st.lists(SIGHTINGS, max_size=2),
    matches=st.lists(st.sampled_from(TWO_CLIENTS), max_size=2),
    waited=st.frozensets(st.just(OTHER)),
)


@given(ANY_FACTS)
def test_every_message_gets_one_decision_that_explains_itself(known: Facts) -> None:
    decision = decide(known, [])
    assert decision.evidence
    assert (decision.action == "ask") == (decision.question is not None)
    assert (decision.action == "wait") == (decision.wait_for is not None)
    assert decision.action != "append" or decision.ticket_id in known.tickets
    assert Decision.model_validate(decision.model_dump(mode="json")) == decision


@given(ANY_FACTS)
def test_the_same_facts_are_decided_the_same(known: Facts) -> None:
    assert decide(known, []) == decide(known.model_copy(deep=True), [])


@given(ANY_FACTS.filter(lambda f: not f.internal and not f.matches), st.sampled_from(["mallory@gmail.com", ""]))
def test_a_stranger_never_writes_on_a_ticket_by_headers_alone(known: Facts, stranger: str) -> None:
    decision = decide(known.model_copy(update={"sender": stranger, "recipients": frozenset()}), [])
    assert decision.action != "append"
    assert decision.merge == []


@settings(max_examples=200)
@given(ANY_FACTS, st.data())
def test_whatever_people_answer_it_comes_to_an_end(known: Facts, data: st.DataObject) -> None:
    known = known.model_copy(update={"waited": frozenset({OTHER})})
    answers: list[Answered] = []
    for _ in range(6):
        decision = decide(known, answers)
        if decision.question is None:
            break
        choice = data.draw(st.sampled_from([option.id for option in decision.question.options]))
        answers.append(answer(decision.question.kind, choice))
    assert decision.action in ("create", "append", "exclude", "discard", "duplicate")
