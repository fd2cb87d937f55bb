"""Every page of the console in one place, with the role it needs. What is not declared here does not exist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from console.calls import PageHandler, PublicHandler
from console.pages import (
    account,
    audit,
    circuits,
    dashboard,
    destinations,
    emails,
    events,
    files,
    live,
    mailbox_setup,
    mailboxes,
    people,
    policies,
    quarantine,
    rule_trials,
    rules,
    senders,
    sign_in,
    static,
    tasks,
    theme,
    ticket_care,
    tickets,
    tokens,
    users,
)
from storage.access import Role


@dataclass(frozen=True, slots=True)
class Public:
    """A page for anybody. `audit` as with `Page`."""

    method: str
    path: str
    handler: PublicHandler
    audit: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page for people of this role, or of a higher one.

    `audit` is the action that it writes to the audit log, in the transaction of what it changes: without one, the
    route changes nothing. `api` names the operation of the API that does the same.
    """

    method: str
    path: str
    role: Role
    handler: PageHandler
    audit: str = ""
    api: str = ""
    # Bytes that its form may have, where that is more than others may.
    max_form: int = 0


DECIDING: Final = (
    Page("GET", "/rules", "agent", rules.listing),
    Page("GET", "/rules/new", "admin", rules.new),
    Page("POST", "/rules/new", "admin", rules.add, audit="save_rules", api="put_rules"),
    Page("POST", "/rules/otherwise", "admin", rules.otherwise, audit="save_rules", api="put_rules"),
    Page("GET", "/rules/{id}", "admin", rules.show),
    Page("POST", "/rules/{id}", "admin", rules.save, audit="save_rules", api="put_rules"),
    Page("POST", "/rules/{id}/move", "admin", rules.move, audit="save_rules", api="put_rules"),
    Page("POST", "/rules/{id}/state", "admin", rules.set_state, audit="save_rules", api="put_rules"),
    Page("POST", "/rules/{id}/remove", "admin", rules.remove, audit="save_rules", api="put_rules"),
    Page("GET", "/rule-versions", "agent", rules.versions),
    Page("GET", "/rule-versions/{id}", "agent", rules.version),
    Page("POST", "/rule-versions/{id}", "admin", rules.restore, audit="save_rules", api="put_rules"),
    Page("GET", "/rule-tester", "agent", rule_trials.tester),
    Page("POST", "/rule-tester", "agent", rule_trials.test, api="explain", max_form=rule_trials.MAX_FORM),
    Page("GET", "/rule-replays", "agent", rule_trials.replay_list),
    Page("POST", "/rule-replays", "admin", rule_trials.begin_replay, audit="replay_rules", api="begin_rule_replay"),
    Page("GET", "/rule-replays/{id}", "agent", rule_trials.show_replay),
    Page("GET", "/defaults", "agent", destinations.listing),
    Page("POST", "/defaults", "admin", destinations.add, audit="save_defaults", api="add_defaults"),
    Page("GET", "/defaults/{id}", "admin", destinations.show),
    Page("POST", "/defaults/{id}", "admin", destinations.save, audit="save_defaults", api="change_defaults"),
    Page(
        "POST",
        "/mailboxes/{id}/defaults",
        "admin",
        destinations.of_mailbox,
        audit="set_defaults",
        api="set_mailbox_defaults",
    ),
    Page("GET", "/policies", "agent", policies.show),
    Page("POST", "/policies", "admin", policies.save, audit="set_policy", api="put_policy"),
    Page("GET", "/mailboxes/{id}/policy", "agent", policies.show_mailbox),
    Page(
        "POST", "/mailboxes/{id}/policy", "admin", policies.save_mailbox, audit="set_policy", api="put_mailbox_policy"
    ),
    Page("GET", "/circuits", "agent", circuits.listing),
    Page("POST", "/circuits/{id}/reset", "admin", circuits.reset, audit="reset_circuit", api="reset_circuit"),
    Page("GET", "/senders", "agent", senders.learned),
    Page("POST", "/associations/revoke", "admin", senders.revoke, audit="revoke_association", api="revoke_association"),
    Page("GET", "/clients", "agent", senders.client_list),
    Page("GET", "/clients/new", "admin", people.new_client),
    Page("POST", "/clients/new", "admin", people.add_client, audit="add_client", api="add_client"),
    Page("GET", "/clients/{id}", "admin", people.show_client),
    Page("POST", "/clients/{id}", "admin", people.save_client, audit="change_client", api="change_client"),
    Page("GET", "/contacts", "agent", senders.contact_list),
    Page("GET", "/contacts/new", "admin", people.new_contact),
    Page("POST", "/contacts/new", "admin", people.add_contact, audit="add_contact", api="add_contact"),
    Page("GET", "/contacts/{id}", "admin", people.show_contact),
    Page("POST", "/contacts/{id}", "admin", people.save_contact, audit="change_contact", api="change_contact"),
    Page("POST", "/clients/{id}/aliases", "admin", senders.set_aliases, audit="set_aliases", api="set_client_aliases"),
    Page(
        "POST",
        "/clients/{id}/destination",
        "admin",
        senders.of_client,
        audit="set_destination",
        api="set_client_destination",
    ),
    Page(
        "POST",
        "/contacts/{id}/destination",
        "admin",
        senders.of_contact,
        audit="set_destination",
        api="set_contact_destination",
    ),
    Page(
        "POST",
        "/domains/destination",
        "admin",
        senders.of_domain,
        audit="set_destination",
        api="set_domain_destination",
    ),
    Page("POST", "/comments/{id}/split", "agent", ticket_care.split, audit="split_comment", api="split_comment"),
    Page("POST", "/comments/{id}/move", "agent", ticket_care.move, audit="move_comment", api="move_comment"),
    Page("POST", "/tickets/{id}/merge", "agent", ticket_care.merge, audit="merge", api="merge_ticket"),
    Page("POST", "/tickets/{id}/undo-merge", "agent", ticket_care.undo_merge, audit="undo_merge", api="undo_merge"),
    Page("POST", "/tickets/{id}/watchers", "agent", ticket_care.watch, audit="set_watcher", api="decide_watcher"),
)

ROUTES: Final[tuple[Public | Page, ...]] = (
    Public("GET", "/static/{name}", static.serve),
    Public("GET", "/login", sign_in.form),
    Public("POST", "/login", sign_in.by_password, audit="sign_in"),
    Public("GET", "/login/oidc", sign_in.to_provider),
    Public("GET", "/login/oidc/callback", sign_in.from_provider, audit="sign_in"),
    Public("GET", "/login/{token}", sign_in.offer),
    Public("POST", "/login/{token}", sign_in.by_link, audit="sign_in"),
    Public("GET", "/password/{token}", sign_in.choose_password),
    Public("POST", "/password/{token}", sign_in.set_password, audit="set_password"),
    Page("POST", "/logout", "viewer", sign_in.sign_out, audit="sign_out"),
    Page("POST", "/theme", "viewer", theme.choose),
    Page("GET", "/account", "viewer", account.show),
    Page("POST", "/account/password", "viewer", account.change_password, audit="set_password"),
    Page("POST", "/account/sign-out", "viewer", account.sign_out_everywhere, audit="end_sessions"),
    Page("POST", "/account/sessions/{id}/end", "viewer", account.end_session, audit="end_session"),
    Page("GET", "/", "viewer", tasks.inbox),
    Page("GET", "/live", "viewer", live.pulse),
    Page("GET", "/tasks", "viewer", tasks.inbox),
    Page("GET", "/tasks/{id}", "viewer", tasks.show),
    Page("POST", "/tasks/bulk", "agent", tasks.answer_many, audit="resolve_task", api="resolve_task"),
    Page("POST", "/tasks/undo", "agent", tasks.take_back, audit="take_back_answer", api="take_back_answer"),
    Page("POST", "/tasks/{id}", "agent", tasks.answer, audit="resolve_task", api="resolve_task"),
    Page("POST", "/tasks/{id}/assignee", "agent", tasks.assign, audit="assign_task", api="assign_task"),
    Page("GET", "/tickets", "viewer", tickets.listing),
    Page("GET", "/tickets/{id}", "viewer", tickets.show),
    Page("POST", "/tickets/{id}", "agent", tickets.change, audit="change_ticket", api="change_ticket"),
    Page("POST", "/tickets/{id}/notes", "agent", tickets.note, audit="add_note", api="add_note"),
    Page("GET", "/find", "viewer", emails.find),
    Page("POST", "/find/look", "agent", emails.look, audit="look_for_mail", api="look_for_mail"),
    Page("GET", "/emails/{id}", "viewer", emails.show),
    Page("GET", "/emails/{id}/html", "viewer", files.html),
    Page("GET", "/emails/{id}/headers", "agent", files.headers),
    Page("GET", "/emails/{id}/raw", "agent", files.raw, audit="read_raw_mail", api="get_raw_email"),
    Page("GET", "/attachments/{id}", "viewer", files.attachment),
    Page(
        "GET",
        "/attachments/{id}/locked",
        "admin",
        files.locked_attachment,
        audit="read_locked_attachment",
        api="get_locked_attachment",
    ),
    Page("GET", "/quarantine", "viewer", quarantine.show),
    Page("POST", "/quarantine", "agent", quarantine.answer, audit="resolve_task", api="resolve_task"),
    Page("GET", "/dashboard", "viewer", dashboard.show),
    Page("GET", "/system", "admin", dashboard.system),
    Page("GET", "/mailboxes", "viewer", mailboxes.listing),
    Page("GET", "/mailboxes/new", "admin", mailbox_setup.choose),
    Page("POST", "/mailboxes/new", "admin", mailbox_setup.begin, audit="add_mailbox", api="add_mailbox"),
    Page("GET", "/mailboxes/{id}/setup", "admin", mailbox_setup.show),
    Page(
        "POST",
        "/mailboxes/{id}/access",
        "admin",
        mailbox_setup.enter_access,
        audit="connect_mailbox",
        api="connect_mailbox",
    ),
    Page(
        "POST",
        "/mailboxes/{id}/setup/jobs",
        "admin",
        mailbox_setup.examine,
        audit="examine_mailbox",
        api="start_mailbox_job",
    ),
    Page("POST", "/mailboxes/{id}/start", "admin", mailbox_setup.start, audit="start_mailbox", api="start_mailbox"),
    Page("GET", "/oauth/callback", "admin", mailbox_setup.agreed),
    Page("POST", "/oauth/callback", "admin", mailbox_setup.take_consent, audit="examine_mailbox"),
    Page("GET", "/mailboxes/{id}", "viewer", mailboxes.show),
    Page("POST", "/mailboxes/{id}/pause", "admin", mailboxes.pause, audit="pause_mailbox", api="pause_mailbox"),
    Page("POST", "/mailboxes/{id}/resume", "admin", mailboxes.resume, audit="resume_mailbox", api="resume_mailbox"),
    Page("POST", "/mailboxes/{id}/resync", "admin", mailboxes.resync, audit="resync_mailbox", api="resync_mailbox"),
    Page("POST", "/mailboxes/{id}/remove", "admin", mailboxes.remove, audit="remove_mailbox", api="remove_mailbox"),
    Page("POST", "/mailboxes/{id}/jobs", "admin", mailboxes.examine, audit="examine_mailbox", api="start_mailbox_job"),
    Page("GET", "/event-endpoints", "admin", events.listing),
    Page("POST", "/event-endpoints", "admin", events.add, audit="add_event_endpoint", api="add_event_endpoint"),
    Page("GET", "/event-endpoints/{id}", "admin", events.show),
    Page(
        "POST",
        "/event-endpoints/{id}/state",
        "admin",
        events.set_state,
        audit="set_event_endpoint_state",
        api="set_event_endpoint_state",
    ),
    Page(
        "POST",
        "/event-endpoints/{id}/remove",
        "admin",
        events.remove,
        audit="remove_event_endpoint",
        api="remove_event_endpoint",
    ),
    Page("POST", "/event-endpoints/{id}/retry", "admin", events.retry, audit="retry_events", api="retry_dead_letters"),
    Page("GET", "/users", "admin", users.listing),
    Page("POST", "/users", "admin", users.add, audit="add_user", api="add_user"),
    Page("GET", "/users/{id}", "admin", users.show),
    Page("POST", "/users/{id}", "admin", users.change, audit="change_user", api="change_user"),
    Page("POST", "/users/{id}/link", "admin", users.make_link, audit="make_password_link", api="make_password_link"),
    Page("POST", "/users/{id}/sign-out", "admin", users.end_sessions, audit="end_sessions", api="end_sessions"),
    Page("GET", "/tokens", "admin", tokens.listing),
    Page("POST", "/tokens", "admin", tokens.add, audit="add_token", api="add_token"),
    Page("POST", "/tokens/{id}/revoke", "admin", tokens.revoke, audit="revoke_token", api="revoke_token"),
    Page("GET", "/audit", "admin", audit.listing),
    Page("GET", "/audit/export", "admin", audit.export),
    Page("GET", "/audit/{id}", "admin", audit.show),
    *DECIDING,
)
