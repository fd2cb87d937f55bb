-- Deciding: policies, rules, reply evidence of our own, bounces, the loop governor, the life of a ticket.

-- Policies (`domain.policy`); an empty object is the default policy.
alter table tenants add column policy jsonb not null default '{}';
alter table mailboxes add column policy jsonb not null default '{}';

-- Destinations of the cascade: rule > contact > client > domain > mailbox.
alter table contacts add column defaults_id uuid;
alter table contacts add foreign key (tenant_id, defaults_id) references inbound_defaults on delete set null (defaults_id);
alter table clients add column defaults_id uuid;
alter table clients add foreign key (tenant_id, defaults_id) references inbound_defaults on delete set null (defaults_id);
alter table client_domains add column defaults_id uuid;
alter table client_domains
  add foreign key (tenant_id, defaults_id) references inbound_defaults on delete set null (defaults_id);
create index clients_name on clients (tenant_id, lower(name));

-- Further addresses that a contact writes from.
create table contact_addresses (
  tenant_id   uuid not null references tenants,
  address     text not null check (address = lower(address)),
  contact_id  uuid not null,
  primary key (tenant_id, address, contact_id),
  foreign key (tenant_id, contact_id) references contacts on delete cascade
);

-- The life of a ticket: when it was closed and reopened, what it carries on or is a copy of, how it was sorted.
alter table tickets add column closed_at timestamptz;
alter table tickets add column reopened_at timestamptz[] not null default '{}';
alter table tickets add column linked_to uuid;
alter table tickets add column link text check (link in ('continues', 'copy', 'split'));
alter table tickets add column tags text[] not null default '{}';
-- The subject without reply marks, as likely tickets are found by it.
alter table tickets add column subject_key text not null default '';
alter table tickets add foreign key (tenant_id, linked_to) references tickets;
alter table tickets add check ((linked_to is null) = (link is null));
create index tickets_linked_to on tickets (tenant_id, linked_to, number desc) where linked_to is not null;
create index tickets_subject_key on tickets (tenant_id, subject_key, number desc) where status <> 'merged';

create function note_closing() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if new.status = 'closed' then
    new.closed_at := now();
  end if;
  return new;
end $$;
create trigger tickets_closed before update of status on tickets for each row
  when (old.status is distinct from new.status) execute function note_closing();

-- People a mail was also sent to. They are proposed as watchers, and watch only once somebody accepts.
create table ticket_watchers (
  tenant_id   uuid not null references tenants,
  ticket_id   uuid not null,
  address     text not null check (address = lower(address)),
  name        text not null default '',
  state       text not null default 'proposed' check (state in ('proposed', 'watching', 'dismissed')),
  seen_in     uuid,
  created_at  timestamptz not null default now(),
  decided_by  text,
  primary key (tenant_id, ticket_id, address),
  foreign key (tenant_id, ticket_id) references tickets on delete cascade
);

-- Mail that other systems send for our tickets, with headers we gave them: its ids thread, its bounces are believed.
create table outbound_messages (
  tenant_id   uuid not null references tenants,
  message_id  text not null,
  ticket_id   uuid not null,
  recipients  text[] not null,
  created_by  text not null,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, message_id),
  foreign key (tenant_id, ticket_id) references tickets on delete cascade
);
create index outbound_messages_ticket on outbound_messages (tenant_id, ticket_id, created_at);

-- Addresses that did not take our mail, by what they last answered.
create table bounced_addresses (
  tenant_id   uuid not null references tenants,
  address     text not null check (address = lower(address)),
  hard        boolean not null,
  status      text not null,
  bounces     integer not null default 1,
  email_id    uuid not null,
  last_at     timestamptz not null default now(),
  primary key (tenant_id, address),
  foreign key (tenant_id, email_id) references emails on delete cascade
);

-- The rules of a tenant (`domain.rules.RuleSet`); the newest version is in force, the others say what was.
create table rule_sets (
  tenant_id   uuid not null references tenants,
  version     integer not null check (version > 0),
  rules       jsonb not null,
  created_by  text not null,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, version)
);

-- The loop governor (`domain.governor`): automated mails per ten minutes, and the circuits they opened.
create table loop_counts (
  tenant_id   uuid not null references tenants,
  scope       text not null check (scope in ('ticket', 'pair', 'mailbox', 'tenant')),
  key         text not null,
  bucket      timestamptz not null,
  mails       integer not null,
  primary key (tenant_id, scope, key, bucket)
);
create index loop_counts_old on loop_counts (tenant_id, bucket);

create table circuits (
  tenant_id   uuid not null references tenants,
  circuit_id  uuid not null,
  scope       text not null check (scope in ('ticket', 'pair', 'mailbox', 'tenant', 'ticket_total')),
  key         text not null,
  email_id    uuid not null,
  opened_at   timestamptz not null default now(),
  -- The last mail that was part of the storm: an hour later the circuit closes by itself, unless a person is asked still.
  last_at     timestamptz not null default now(),
  closed_at   timestamptz,
  closed_by   text,
  primary key (tenant_id, circuit_id),
  foreign key (tenant_id, email_id) references emails on delete cascade
);
create unique index circuits_open on circuits (tenant_id, scope, key) where closed_at is null;

select protect_tenant_table(t) from unnest(array[
  'contact_addresses', 'ticket_watchers', 'outbound_messages', 'bounced_addresses', 'rule_sets', 'loop_counts',
  'circuits']::regclass[]) as t;

-- What was decided under a version must stay readable.
revoke update, delete on rule_sets from postroom_app;

-- Look-ups that deciding makes for every mail: the first sightings of a key, and the mails with it that are undecided.
drop index emails_message_key;
create index emails_message_key on emails (tenant_id, message_key, seq);
create index emails_in_flight on emails (tenant_id, message_key) where outcome is null;
create index ticket_participants_address on ticket_participants (tenant_id, address);
create index comments_email on comments (tenant_id, email_id) where email_id is not null;
