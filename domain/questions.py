"""The questions a message can wait with: wording, options, candidates with evidence, the default of the deadline."""

from __future__ import annotations

from collections.abc import Sequence

from domain.facts import ClientName, Facts, SenderMatch, TicketFacts
from domain.task import Candidate, Option, Question

_DISCARD = Option(id="discard", label="Discard the message")


def repair_message() -> Question:
    return Question(
        kind="repair_message",
        text="This message could not be read. Make a ticket of what is there, or discard it?",
        options=[Option(id="ticket", label="Make a ticket"), Option(id="discard", label="Discard")],
        default="ticket",
    )


def missing_defaults() -> Question:
    return Question(
        kind="missing_defaults",
        text="This mailbox has no valid inbound defaults, so no ticket can be made. "
        "Set them on the mailbox, then retry.",
        options=[Option(id="retry", label="Retry"), _DISCARD],
        default="retry",
    )


def which_client(facts: Facts, matches: Sequence[SenderMatch]) -> Question:
    """The sender matches several clients."""
    candidates = [
        Candidate(
            option=f"client:{match.client_id}",
            title=match.client_name or "No client",
            score=0.5,
            evidence=[f"{facts.sender} is a {match.how} of {match.client_name or 'nobody'}"],
        )
        for match in sorted(matches, key=lambda m: m.client_name)
    ]
    text = f"The sender matches {len(matches)} clients. For which one is this mail?"
    return _identify_client(text, candidates)


def unknown_sender(facts: Facts, clients: Sequence[ClientName], *, because: str) -> Question:
    """The sender matches no client, and somebody should say whose they are."""
    words = set(facts.sender.replace("@", ".").split(".")) | set(facts.sender_name.lower().split())
    candidates = []
    for client in clients:
        alike = words & set(client.name.lower().split())
        line = f"The sender's name or address has “{min(alike)}” in it" if alike else "Nothing in the mail points to it"
        score = 0.6 if alike else 0.1
        candidates.append(
            Candidate(option=f"client:{client.client_id}", title=client.name, score=score, evidence=[line])
        )
    candidates.sort(key=lambda c: (-c.score, c.title))
    return _identify_client(f"{because} For which client is this mail?", candidates)


def _identify_client(text: str, candidates: list[Candidate]) -> Question:
    return Question(
        kind="identify_client",
        text=text,
        options=[
            *(Option(id=c.option, label=c.title) for c in candidates),
            Option(id="no_client", label="None of them"),
            _DISCARD,
        ],
        candidates=candidates,
        default="no_client",
    )


def review_sender(facts: Facts, ticket: TicketFacts, *, doubt: str, tie: str) -> Question:
    """The mail answers a ticket on which its sender may not write by themselves. `doubt` says why, and `tie` what makes
    it an answer, both as sentences."""
    return Question(
        kind="review_sender",
        text=f"This mail answers #{ticket.number}, but {doubt}. May they write there?",
        options=[
            Option(id=f"ticket:{ticket.ticket_id}", label=f"Add to #{ticket.number}"),
            Option(id="new_ticket", label="Make it a new ticket"),
            _DISCARD,
        ],
        candidates=[
            Candidate(
                option=f"ticket:{ticket.ticket_id}",
                title=f"#{ticket.number} {ticket.subject}",
                score=0.5,
                evidence=[
                    tie,
                    f"{facts.sender or 'The sender'}: {doubt}",
                ],
            )
        ],
        default="new_ticket",
    )


def choose_ticket(scored: Sequence[tuple[TicketFacts, float, str]]) -> Question:
    """Several tickets, or one by weak evidence only: (ticket, score, evidence line), best first."""
    candidates = [
        Candidate(
            option=f"ticket:{ticket.ticket_id}",
            title=f"#{ticket.number} {ticket.subject}",
            score=score,
            evidence=[line],
        )
        for ticket, score, line in scored
    ]
    return Question(
        kind="choose_ticket",
        text="This mail may belong to a ticket, but nothing in it proves so. Where does it belong?",
        options=[
            *(Option(id=c.option, label=f"Add to {c.title}"[:200]) for c in candidates),
            Option(id="new_ticket", label="Make it a new ticket"),
            _DISCARD,
        ],
        candidates=candidates,
        default="new_ticket",
    )


def release(topic: str, text: str) -> Question:
    """Quarantine: nothing happens to the message until somebody releases it. The answer is `release:<topic>`."""
    return Question(
        kind="release_message",
        text=text,
        options=[Option(id=f"release:{topic}", label="Release it"), _DISCARD],
        default="discard",
    )
