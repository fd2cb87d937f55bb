"""Mail that belongs to no ticket: what the rules say, who it is from, where it goes."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from domain import questions
from domain.authorisation import Sender
from domain.decision import Answers, Decision, Notes, who
from domain.facts import Facts, SenderMatch, TicketFacts
from domain.rule_actions import RuleActions
from domain.sightings import copied_ticket

_NO_ACTIONS = RuleActions()


class NewMail:
    """`continues` is the closed ticket that the new one carries on."""

    def __init__(
        self, facts: Facts, answers: Answers, sender: Sender, notes: Notes, continues: TicketFacts | None
    ) -> None:
        self._facts = facts
        self._answers = answers
        self._sender = sender
        self._notes = notes
        self._continues = continues
        self._actions = facts.rule.actions if facts.rule else _NO_ACTIONS

    def decide(self) -> Decision:
        if self._sender.is_forged:
            self._notes.flag("authentication_failed")
        decision = self._held_by_rule() or self._undecided_client() or self._unknown_sender() or self._create()
        decision.rule_id = self._facts.rule.rule_id if self._facts.rule else None
        return decision

    def _held_by_rule(self) -> Decision | None:
        rule = self._facts.rule
        if rule is None:
            return None
        self._notes.add(f"Rules (version {self._facts.rules_version})", f"{rule.name} applies")
        if self._actions.skip:
            return Decision(action="exclude", reason="rule")
        if self._actions.quarantine:
            return self._held("rule", f"The rule “{rule.name}” puts this mail into quarantine.")
        return None

    def _held(self, topic: str, text: str) -> Decision | None:
        released = self._answers.chose(f"release:{topic}")
        if released is None:
            return Decision(action="ask", question=questions.release(topic, text))
        self._notes.add("Answer", f"{who(released)} released it")
        return None

    # The client ------------------------------------------------------------------------------------------

    @property
    def _clients(self) -> dict[UUID | None, SenderMatch]:
        clients: dict[UUID | None, SenderMatch] = {}
        for match in self._facts.matches:
            clients.setdefault(match.client_id, match)
        return clients

    def _undecided_client(self) -> Decision | None:
        if self._answers.to("identify_client") is not None or self._rule_client() is not None:
            return None
        if self._actions.ask:
            self._notes.add("Rule", "wants a person to name the client")
            question = questions.unknown_sender(self._facts, self._facts.clients, because="A rule asks for this mail:")
            return Decision(action="ask", question=question)
        if len(self._clients) > 1:
            self._notes.add("Sender", f"matches {len(self._clients)} clients")
            question = questions.which_client(self._facts, list(self._clients.values()))
            return Decision(action="ask", question=question)
        return None

    def _unknown_sender(self) -> Decision | None:
        facts = self._facts
        if facts.matches or facts.internal or self._continues or self._rule_client() is not None:
            return None
        match facts.mailbox.unknown_sender:
            case "reject":
                self._notes.add("Sender", "is unknown, and this mailbox takes no mail from strangers")
                return Decision(action="exclude", reason="unknown_sender")
            case "hold":
                self._notes.add("Sender", "is unknown, and this mailbox holds such mail")
                return self._held("unknown_sender", "This mailbox holds mail from unknown senders.")
            case "ask" if self._answers.to("identify_client") is None:
                self._notes.add("Sender", "is unknown, and this mailbox asks who they are")
                question = questions.unknown_sender(facts, facts.clients, because="The sender is unknown.")
                return Decision(action="ask", question=question)
        return None

    def _rule_client(self) -> UUID | None:
        return self._facts.rule.client_id if self._facts.rule else None

    def _match(self) -> tuple[UUID | None, SenderMatch | None]:
        """The client of the ticket and, where it came from the sender, the match."""
        clients = self._clients
        rule_client = self._rule_client()
        if rule_client is not None:
            self._notes.add("Client", f"assigned by the rule {self._facts.rule.name if self._facts.rule else ''}")
            return rule_client, clients.get(rule_client)
        answer = self._answers.to("identify_client")
        if answer is not None:
            chosen, match = self._chosen(answer.choice)
            known = {c.client_id: c.name for c in self._facts.clients}
            name = match.client_name if match else known.get(chosen, "a client") if chosen else ""
            self._notes.add("Answer", f"{who(answer)} chose {name or 'no client'}")
            return chosen, match
        if clients:
            match = next(iter(clients.values()))
            self._notes.add("Sender", f"matched by {match.how}: {match.client_name or 'a contact without a client'}")
            return match.client_id, match
        if self._continues is not None:
            return self._continues.client_id, None
        known_as = "is one of our own users" if self._facts.internal else "matches no contact and no client"
        self._notes.add("Sender", known_as)
        return None, None

    def _chosen(self, choice: str) -> tuple[UUID | None, SenderMatch | None]:
        what, _, client = choice.partition(":")
        if what != "client":
            return None, None
        client_id = None if client == "None" else UUID(client)
        return client_id, self._clients.get(client_id)

    # The ticket ------------------------------------------------------------------------------------------

    def _create(self) -> Decision:
        facts, actions = self._facts, self._actions
        client_id, match = self._match()
        defaults_id = self._destination(match)
        if defaults_id is None:
            self._notes.add("Mailbox defaults", "missing or inactive")
            return Decision(action="ask", question=questions.missing_defaults())
        requester = facts.forwarded if facts.internal and not self._sender.is_forged else None
        if requester is not None:
            self._notes.add("Forwarded mail", f"one of our users forwards it: the requester is {requester.address}")
        copied = copied_ticket(facts)
        if copied is not None:
            self._notes.add("Message-ID and content", "the same message made a ticket in another mailbox: linked to it")
        return Decision(
            action="create",
            client_id=client_id,
            contact_id=match.contact_id if match else None,
            requester=requester,
            make_contact=requester is not None or not facts.internal,
            defaults_id=defaults_id,
            priority=actions.priority,
            assignee_id=actions.assignee,
            tags=list(actions.tags),
            linked_to=self._continues.ticket_id if self._continues else copied,
            link="continues" if self._continues else "copy" if copied else None,
        )

    def _destination(self, match: SenderMatch | None) -> UUID | None:
        """The first active defaults of rule, contact, client, domain and mailbox."""
        for source, defaults_id in self._cascade(match):
            if defaults_id is None:
                continue
            known = self._facts.destinations.get(defaults_id)
            if known is not None and known.active:
                if source != "mailbox":
                    self._notes.add("Destination", f"{known.name or 'set'} by the {source}")
                return defaults_id
            if known is None and source == "mailbox":
                return defaults_id
            self._notes.add("Destination", f"that of the {source} is inactive or gone: passed over")
        return None

    def _cascade(self, match: SenderMatch | None) -> Iterator[tuple[str, UUID | None]]:
        yield "rule", self._actions.destination
        if match is not None:
            yield "contact", match.contact_defaults
            yield "client", match.client_defaults
            yield "domain", match.domain_defaults
        yield "mailbox", self._facts.defaults_id
