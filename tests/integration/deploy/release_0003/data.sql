--
-- PostgreSQL database dump
--

\restrict hOF3b1Qwg8e0SG6vnKhpw4JTOjLjN1QaTTnhxsYqZ9BiliJGeZ4cY3HSSU9KZOI

-- Dumped from database version 18.6
-- Dumped by pg_dump version 18.6

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Data for Name: tenants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tenants (tenant_id, name, created_at, policy) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', 'Default', '2026-11-21 23:32:56.614785+00', '{}');


--
-- Data for Name: api_tokens; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users (tenant_id, user_id, email, name, role, created_at) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20074-aeb9-7bc4-9ec8-c598c0c70090', 'owner@postroom.test', 'Owner', 'owner', '2026-11-21 23:32:56.614785+00');


--
-- Data for Name: inbound_defaults; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.inbound_defaults (tenant_id, defaults_id, name, queue, priority, assignee_id, active, created_at) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20074-aecd-7aee-a9f8-82340be26d48', 'Standard', 'Support', 'normal', NULL, true, '2026-11-21 23:32:56.614785+00');


--
-- Data for Name: clients; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clients (tenant_id, client_id, name, created_at, defaults_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-090e-7521-a56c-a82b2d7a0088', 'North', '2026-11-21 23:33:19.75712+00', NULL);
INSERT INTO public.clients (tenant_id, client_id, name, created_at, defaults_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-0921-7d9c-9b8a-4ac35f136446', 'South', '2026-11-21 23:33:19.776467+00', NULL);


--
-- Data for Name: contacts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.contacts (tenant_id, contact_id, client_id, name, address, created_at, defaults_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', 'e462c29b-1b6c-5704-8147-2860e8ec758e', NULL, 'ann@example.com', 'ann@example.com', '2026-11-21 23:33:19.283881+00', NULL);
INSERT INTO public.contacts (tenant_id, contact_id, client_id, name, address, created_at, defaults_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-091e-766b-80fd-92a59f784e41', '01a20075-090e-7521-a56c-a82b2d7a0088', 'Pat', 'pat@example.com', '2026-11-21 23:33:19.773941+00', NULL);
INSERT INTO public.contacts (tenant_id, contact_id, client_id, name, address, created_at, defaults_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-0939-7e25-94f6-be6436bf43b1', '01a20075-0921-7d9c-9b8a-4ac35f136446', 'Pat', 'pat@example.com', '2026-11-21 23:33:19.800994+00', NULL);


--
-- Data for Name: mailboxes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mailboxes (tenant_id, mailbox_id, address, provider, settings, sealed_secret, defaults_id, state, status, status_at, last_sync_at, created_at, policy) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20074-aed3-75be-9ee6-30e45b625dbd', 'support@postroom.test', 'smtp', '{}', NULL, '01a20074-aecd-7aee-a9f8-82340be26d48', 'active', '', NULL, '2026-11-21 23:33:19.145672+00', '2026-11-21 23:32:56.65625+00', '{}');


--
-- Data for Name: emails; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.emails (tenant_id, email_id, seq, mailbox_id, locator, message_key, workflow_id, state, outcome, reason, ticket_id, comment_id, history, raw_sha256, raw_size, content_sha256, flags, waits_for, timeline, received_at, listed_at, done_at) OVERRIDING SYSTEM VALUE VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-03fd-7b23-97f8-bc37da1927ca', 1, '01a20074-aed3-75be-9ee6-30e45b625dbd', '155d1ef24df909fad3ecf231632b6ad223abcc05caa1c3506d9070c63660b9a8', 'first@old.example', 'inbound-email/01a20074-aed3-75be-9ee6-30e45b625dbd/first@old.example', 'done', 'ticket', '', '83c88303-030e-5d6e-9214-e1d34335b1ba', '0a74ae90-7e75-5e78-bb01-8f8ed8fb35a1', false, '155d1ef24df909fad3ecf231632b6ad223abcc05caa1c3506d9070c63660b9a8', 261, '68a6531d64ac736c979f5be126a56d4d714ee579bdbe0162445eaefc639da936', '{}', NULL, '[{"at": "2026-11-21T23:33:18.459217+00:00", "step": "listed"}, {"at": "2026-11-21T23:33:19.192701+00:00", "step": "parsed"}, {"at": "2026-11-21T23:33:19.294101+00:00", "step": "ticket", "reason": ""}, {"at": "2026-11-21T23:33:19.294745+00:00", "step": "done"}]', '2026-11-21 23:33:18.459217+00', '2026-11-21 23:33:18.459217+00', '2026-11-21 23:33:19.283881+00');
INSERT INTO public.emails (tenant_id, email_id, seq, mailbox_id, locator, message_key, workflow_id, state, outcome, reason, ticket_id, comment_id, history, raw_sha256, raw_size, content_sha256, flags, waits_for, timeline, received_at, listed_at, done_at) OVERRIDING SYSTEM VALUE VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-07a8-7a89-b896-9cbc90c3fc0d', 2, '01a20074-aed3-75be-9ee6-30e45b625dbd', '151b8c110bd1377ae9275665babe7300ef98cf1a8858405f6de9c654a4137fad', 'second@old.example', 'inbound-email/01a20074-aed3-75be-9ee6-30e45b625dbd/second@old.example', 'done', 'comment', '', '83c88303-030e-5d6e-9214-e1d34335b1ba', '14737a35-d452-549b-b18c-2ad853faee7b', false, '151b8c110bd1377ae9275665babe7300ef98cf1a8858405f6de9c654a4137fad', 653, 'a2c617a0383565b4a1a6ba77cf6939b5b5a072cb380bbb6b89da03fb98e5a3e0', '{}', NULL, '[{"at": "2026-11-21T23:33:19.400281+00:00", "step": "listed"}, {"at": "2026-11-21T23:33:19.532139+00:00", "step": "parsed"}, {"at": "2026-11-21T23:33:19.647394+00:00", "step": "comment", "reason": ""}, {"at": "2026-11-21T23:33:19.685257+00:00", "step": "done"}]', '2026-11-21 23:33:19.400281+00', '2026-11-21 23:33:19.400281+00', '2026-11-21 23:33:19.684247+00');
INSERT INTO public.emails (tenant_id, email_id, seq, mailbox_id, locator, message_key, workflow_id, state, outcome, reason, ticket_id, comment_id, history, raw_sha256, raw_size, content_sha256, flags, waits_for, timeline, received_at, listed_at, done_at) OVERRIDING SYSTEM VALUE VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-0992-7c91-a05e-618d96bf11ae', 3, '01a20074-aed3-75be-9ee6-30e45b625dbd', '06c8de916f9860b7bd4920f62ab05cdde0dffd29a288b12e8d82b612e0795144', 'which@old.example', 'inbound-email/01a20074-aed3-75be-9ee6-30e45b625dbd/which@old.example', 'waiting', NULL, '', NULL, NULL, false, '06c8de916f9860b7bd4920f62ab05cdde0dffd29a288b12e8d82b612e0795144', 265, '560aa789c16e242ad923481580600e14f05fedb48da40bb7eebc8a37c2fcf2f5', '{}', NULL, '[{"at": "2026-11-21T23:33:19.889766+00:00", "step": "listed"}, {"at": "2026-11-21T23:33:20.065246+00:00", "step": "parsed"}, {"at": "2026-11-21T23:33:20.106464+00:00", "kind": "identify_client", "step": "waiting for a person"}]', '2026-11-21 23:33:19.889766+00', '2026-11-21 23:33:19.889766+00', NULL);


--
-- Data for Name: tickets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tickets (tenant_id, ticket_id, number, subject, status, queue, priority, client_id, contact_id, assignee_id, mailbox_id, merged_into, created_at, updated_at, closed_at, reopened_at, linked_to, link, tags, subject_key) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '83c88303-030e-5d6e-9214-e1d34335b1ba', 1, 'Printer on floor 3', 'open', 'Support', 'normal', NULL, 'e462c29b-1b6c-5704-8147-2860e8ec758e', NULL, '01a20074-aed3-75be-9ee6-30e45b625dbd', NULL, '2026-11-21 23:33:19.283881+00', '2026-11-21 23:33:19.616805+00', NULL, '{}', NULL, NULL, '{}', 'printer on floor 3');


--
-- Data for Name: comments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.comments (tenant_id, comment_id, seq, ticket_id, email_id, author_name, author_address, text, created_at) OVERRIDING SYSTEM VALUE VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '0a74ae90-7e75-5e78-bb01-8f8ed8fb35a1', 1, '83c88303-030e-5d6e-9214-e1d34335b1ba', '01a20075-03fd-7b23-97f8-bc37da1927ca', '', 'ann@example.com', 'It is out of paper.', '2026-11-21 23:33:19.283881+00');
INSERT INTO public.comments (tenant_id, comment_id, seq, ticket_id, email_id, author_name, author_address, text, created_at) OVERRIDING SYSTEM VALUE VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '14737a35-d452-549b-b18c-2ad853faee7b', 2, '83c88303-030e-5d6e-9214-e1d34335b1ba', '01a20075-07a8-7a89-b896-9cbc90c3fc0d', '', 'ann@example.com', 'Now it is on fire.', '2026-11-21 23:33:19.616805+00');


--
-- Data for Name: attachments; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.attachments (tenant_id, attachment_id, email_id, comment_id, "position", filename, content_type, size, sha256, content_id, inline, state, reason) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', 'a7d0e054-7783-57fa-9a21-996cc6542ddb', '01a20075-07a8-7a89-b896-9cbc90c3fc0d', '14737a35-d452-549b-b18c-2ad853faee7b', 0, 'fire.txt', 'application/octet-stream', 4, '0f0aa408c1832abefd06bced5378aa7945c11b3fe2f24f8a22cd6dbdbe4bccd8', NULL, false, 'stored', '');


--
-- Data for Name: audit; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: bounced_addresses; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: circuits; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: client_domains; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: contact_addresses; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: decisions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.decisions (tenant_id, email_id, record, decided_at) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-03fd-7b23-97f8-bc37da1927ca', '{"link": null, "seen": {}, "tags": [], "flags": [], "merge": [], "action": "create", "author": null, "reason": "", "reopen": false, "bounced": null, "evidence": [{"result": "names no mail that is known here", "looked_at": "Its own Message-ID"}, {"result": "matches no contact and no client", "looked_at": "Sender"}], "patience": "PT0S", "priority": null, "question": null, "wait_for": null, "client_id": null, "linked_to": null, "requester": null, "ticket_id": null, "contact_id": null, "assignee_id": null, "defaults_id": "01a20074-aecd-7aee-a9f8-82340be26d48", "make_contact": true, "opens_circuit": null, "rules_version": 0, "releases_circuits": false, "counts_as_automated": false}', '2026-11-21 23:33:19.2192+00');
INSERT INTO public.decisions (tenant_id, email_id, record, decided_at) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-07a8-7a89-b896-9cbc90c3fc0d', '{"link": null, "seen": {"first@old.example": "83c88303-030e-5d6e-9214-e1d34335b1ba"}, "tags": [], "flags": [], "merge": [], "action": "append", "author": null, "reason": "", "reopen": true, "bounced": null, "evidence": [{"result": "names a mail on #1", "looked_at": "In-Reply-To"}, {"result": "takes part in the conversation: may write on #1", "looked_at": "Sender"}], "patience": "PT0S", "priority": null, "question": null, "wait_for": null, "client_id": null, "linked_to": null, "requester": null, "ticket_id": "83c88303-030e-5d6e-9214-e1d34335b1ba", "contact_id": null, "assignee_id": null, "defaults_id": null, "make_contact": true, "opens_circuit": null, "rules_version": 0, "releases_circuits": false, "counts_as_automated": false}', '2026-11-21 23:33:19.535798+00');
INSERT INTO public.decisions (tenant_id, email_id, record, decided_at) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-0992-7c91-a05e-618d96bf11ae', '{"link": null, "seen": {}, "tags": [], "flags": [], "merge": [], "action": "ask", "author": null, "reason": "", "reopen": false, "bounced": null, "evidence": [{"result": "names no mail that is known here", "looked_at": "Its own Message-ID"}, {"result": "matches 2 clients", "looked_at": "Sender"}], "patience": "PT0S", "priority": null, "question": {"kind": "identify_client", "text": "The sender matches 2 clients. For which one is this mail?", "default": "no_client", "options": [{"id": "client:01a20075-090e-7521-a56c-a82b2d7a0088", "label": "North"}, {"id": "client:01a20075-0921-7d9c-9b8a-4ac35f136446", "label": "South"}, {"id": "no_client", "label": "None of them"}, {"id": "discard", "label": "Discard the message"}], "candidates": [{"score": 0.5, "title": "North", "option": "client:01a20075-090e-7521-a56c-a82b2d7a0088", "evidence": ["pat@example.com is a contact of North"]}, {"score": 0.5, "title": "South", "option": "client:01a20075-0921-7d9c-9b8a-4ac35f136446", "evidence": ["pat@example.com is a contact of South"]}]}, "wait_for": null, "client_id": null, "linked_to": null, "requester": null, "ticket_id": null, "contact_id": null, "assignee_id": null, "defaults_id": null, "make_contact": true, "opens_circuit": null, "rules_version": 0, "releases_circuits": false, "counts_as_automated": false}', '2026-11-21 23:33:20.07199+00');


--
-- Data for Name: email_contents; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.email_contents (tenant_id, email_id, parsed) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-03fd-7b23-97f8-bc37da1927ca', '{"cc": [], "to": [{"name": "", "address": "support@postroom.test"}], "bcc": [], "date": "2026-11-21T23:33:18Z", "from": [{"name": "", "address": "ann@example.com"}], "html": "", "kind": "ordinary", "text": "It is out of paper.\n\n", "bounce": null, "sender": [], "list_id": null, "subject": "Printer on floor 3", "calendar": null, "problems": [], "reply_to": [], "forwarded": null, "message_id": "first@old.example", "references": [], "reply_text": "It is out of paper.", "attachments": [], "in_reply_to": [], "return_path": null, "thread_index": null, "kind_evidence": [], "authentication": [], "auto_submitted": null, "list_unsubscribe": null, "reply_confidence": 0.98}');
INSERT INTO public.email_contents (tenant_id, email_id, parsed) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-07a8-7a89-b896-9cbc90c3fc0d', '{"cc": [], "to": [{"name": "", "address": "support@postroom.test"}], "bcc": [], "date": "2026-11-21T23:33:19Z", "from": [{"name": "", "address": "ann@example.com"}], "html": "", "kind": "ordinary", "text": "Now it is on fire.\n", "bounce": null, "sender": [], "list_id": null, "subject": "Re: Printer on floor 3", "calendar": null, "problems": [], "reply_to": [], "forwarded": null, "message_id": "second@old.example", "references": [], "reply_text": "Now it is on fire.", "attachments": [{"size": 4, "inline": false, "sha256": "0f0aa408c1832abefd06bced5378aa7945c11b3fe2f24f8a22cd6dbdbe4bccd8", "filename": "fire.txt", "content_id": null, "content_type": "application/octet-stream"}], "in_reply_to": ["first@old.example"], "return_path": null, "thread_index": null, "kind_evidence": [], "authentication": [], "auto_submitted": null, "list_unsubscribe": null, "reply_confidence": 0.98}');
INSERT INTO public.email_contents (tenant_id, email_id, parsed) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '01a20075-0992-7c91-a05e-618d96bf11ae', '{"cc": [], "to": [{"name": "", "address": "support@postroom.test"}], "bcc": [], "date": "2026-11-21T23:33:19Z", "from": [{"name": "", "address": "pat@example.com"}], "html": "", "kind": "ordinary", "text": "Hello, can you help me?\n\n", "bounce": null, "sender": [], "list_id": null, "subject": "Which client am I?", "calendar": null, "problems": [], "reply_to": [], "forwarded": null, "message_id": "which@old.example", "references": [], "reply_text": "Hello, can you help me?", "attachments": [], "in_reply_to": [], "return_path": null, "thread_index": null, "kind_evidence": [], "authentication": [], "auto_submitted": null, "list_unsubscribe": null, "reply_confidence": 0.98}');


--
-- Data for Name: folder_cursors; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: login_links; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: loop_counts; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mailbox_syncs; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: mailbox_watches; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: outbound_messages; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: rule_sets; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sender_associations; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: source_slots; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: tasks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tasks (tenant_id, task_id, kind, email_id, mailbox_id, workflow_id, question, options, candidates, default_option, state, stage, deadline, resolution, resolved_by, resolved_at, delivered_at, created_at) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '45f25550-79fd-5541-868d-065be1f8a503', 'identify_client', '01a20075-0992-7c91-a05e-618d96bf11ae', '01a20074-aed3-75be-9ee6-30e45b625dbd', 'inbound-email/01a20074-aed3-75be-9ee6-30e45b625dbd/which@old.example', 'The sender matches 2 clients. For which one is this mail?', '[{"id": "client:01a20075-090e-7521-a56c-a82b2d7a0088", "label": "North"}, {"id": "client:01a20075-0921-7d9c-9b8a-4ac35f136446", "label": "South"}, {"id": "no_client", "label": "None of them"}, {"id": "discard", "label": "Discard the message"}]', '[{"score": 0.5, "title": "North", "option": "client:01a20075-090e-7521-a56c-a82b2d7a0088", "evidence": ["pat@example.com is a contact of North"]}, {"score": 0.5, "title": "South", "option": "client:01a20075-0921-7d9c-9b8a-4ac35f136446", "evidence": ["pat@example.com is a contact of South"]}]', 'no_client', 'open', '', '2026-11-24 23:33:20.105157+00', NULL, NULL, NULL, NULL, '2026-11-21 23:33:20.103859+00');


--
-- Data for Name: ticket_message_ids; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ticket_message_ids (tenant_id, message_id, ticket_id, kind, email_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', 'first@old.example', '83c88303-030e-5d6e-9214-e1d34335b1ba', 'member', '01a20075-03fd-7b23-97f8-bc37da1927ca');
INSERT INTO public.ticket_message_ids (tenant_id, message_id, ticket_id, kind, email_id) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', 'second@old.example', '83c88303-030e-5d6e-9214-e1d34335b1ba', 'member', '01a20075-07a8-7a89-b896-9cbc90c3fc0d');


--
-- Data for Name: ticket_numbers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ticket_numbers (tenant_id, last) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', 1);


--
-- Data for Name: ticket_participants; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.ticket_participants (tenant_id, ticket_id, address, role) VALUES ('8f085303-6aa5-5929-bda4-58dde8a28278', '83c88303-030e-5d6e-9214-e1d34335b1ba', 'ann@example.com', 'author');


--
-- Data for Name: ticket_watchers; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: webhook_ids; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Name: audit_audit_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.audit_audit_id_seq', 1, false);


--
-- Name: comments_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.comments_seq_seq', 2, true);


--
-- Name: emails_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.emails_seq_seq', 3, true);


--
-- PostgreSQL database dump complete
--

\unrestrict hOF3b1Qwg8e0SG6vnKhpw4JTOjLjN1QaTTnhxsYqZ9BiliJGeZ4cY3HSSU9KZOI

