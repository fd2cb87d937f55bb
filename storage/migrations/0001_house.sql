-- The house: tenants, people, mailboxes, the ledger, tickets, tasks, access, audit.
--
-- Every tenant table has tenant_id first in its primary key and in every unique and foreign key, and forced
-- row-level security: with no tenant set in the transaction it reads empty and refuses inserts.

create table tenants (
  tenant_id   uuid primary key,
  name        text not null,
  created_at  timestamptz not null default now()
);

create table users (
  tenant_id   uuid not null references tenants,
  user_id     uuid not null,
  email       text not null,
  name        text not null,
  role        text not null check (role in ('viewer', 'agent', 'admin', 'owner')),
  created_at  timestamptz not null default now(),
  primary key (tenant_id, user_id),
  unique (tenant_id, email)
);

create table login_links (
  tenant_id   uuid not null references tenants,
  token_hash  bytea not null check (octet_length(token_hash) = 32),
  user_id     uuid not null,
  expires_at  timestamptz not null,
  used_at     timestamptz,
  primary key (tenant_id, token_hash),
  foreign key (tenant_id, user_id) references users on delete cascade
);

create table sessions (
  tenant_id    uuid not null references tenants,
  token_hash   bytea not null check (octet_length(token_hash) = 32),
  user_id      uuid not null,
  created_at   timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  primary key (tenant_id, token_hash),
  foreign key (tenant_id, user_id) references users on delete cascade
);

create table api_tokens (
  tenant_id   uuid not null references tenants,
  token_id    uuid not null,
  token_hash  bytea not null check (octet_length(token_hash) = 32),
  name        text not null,
  scope       text not null check (scope in ('read', 'write')),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz,
  primary key (tenant_id, token_id),
  unique (tenant_id, token_hash)
);

create table audit (
  tenant_id   uuid not null references tenants,
  audit_id    bigint generated always as identity,
  at          timestamptz not null default now(),
  actor       text not null,
  action      text not null,
  object      text not null,
  detail      jsonb not null default '{}',
  primary key (tenant_id, audit_id)
);

-- People: who writes to us, and for whom ----------------------------------------------------------------

create table clients (
  tenant_id   uuid not null references tenants,
  client_id   uuid not null,
  name        text not null,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, client_id)
);

create table client_domains (
  tenant_id   uuid not null references tenants,
  domain      text not null check (domain = lower(domain)),
  client_id   uuid not null,
  primary key (tenant_id, domain, client_id),
  foreign key (tenant_id, client_id) references clients on delete cascade
);

create table contacts (
  tenant_id   uuid not null references tenants,
  contact_id  uuid not null,
  client_id   uuid,
  name        text not null,
  address     text not null check (address = lower(address)),
  created_at  timestamptz not null default now(),
  primary key (tenant_id, contact_id),
  foreign key (tenant_id, client_id) references clients on delete cascade
);
-- One contact per address and client; an address may belong to several clients, and then a person is asked.
create unique index contacts_address on contacts (tenant_id, address, client_id) nulls not distinct;

-- What people's answers taught us: this address, or this domain, belongs to that client.
create table sender_associations (
  tenant_id   uuid not null references tenants,
  kind        text not null check (kind in ('address', 'domain')),
  value       text not null check (value = lower(value)),
  client_id   uuid not null,
  learned_by  text not null,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, kind, value),
  foreign key (tenant_id, client_id) references clients on delete cascade
);

-- Mailboxes ---------------------------------------------------------------------------------------------

create table inbound_defaults (
  tenant_id   uuid not null references tenants,
  defaults_id uuid not null,
  name        text not null,
  queue       text not null,
  priority    text not null check (priority in ('low', 'normal', 'high', 'urgent')),
  assignee_id uuid,
  active      boolean not null default true,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, defaults_id),
  unique (tenant_id, name),
  foreign key (tenant_id, assignee_id) references users on delete set null (assignee_id)
);

create table mailboxes (
  tenant_id      uuid not null references tenants,
  mailbox_id     uuid not null,
  address        text not null check (address = lower(address)),
  provider       text not null check (provider in ('smtp', 'raw', 'imap', 'gmail', 'microsoft')),
  settings       jsonb not null default '{}',
  sealed_secret  text,
  defaults_id    uuid,
  state          text not null default 'active' check (state in ('active', 'paused', 'needs_reauth')),
  status         text not null default '',
  status_at      timestamptz,
  last_sync_at   timestamptz,
  created_at     timestamptz not null default now(),
  primary key (tenant_id, mailbox_id),
  unique (tenant_id, address),
  foreign key (tenant_id, defaults_id) references inbound_defaults on delete set null (defaults_id)
);
-- The unguessable mailbox id is all that a webhook or a listener knows: the directory looks it up by that.
create index mailboxes_id on mailboxes (mailbox_id);
create index mailboxes_address on mailboxes (address);

create table folder_cursors (
  tenant_id   uuid not null references tenants,
  mailbox_id  uuid not null,
  folder      text not null,
  cursor      jsonb not null,
  updated_at  timestamptz not null default now(),
  primary key (tenant_id, mailbox_id, folder),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);

-- Webhook ids that were accepted, so that a replay inside the signature's time window is refused.
create table webhook_ids (
  tenant_id   uuid not null references tenants,
  mailbox_id  uuid not null,
  webhook_id  text not null,
  seen_at     timestamptz not null default now(),
  primary key (tenant_id, mailbox_id, webhook_id),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);

-- The ledger --------------------------------------------------------------------------------------------

create table emails (
  tenant_id       uuid not null references tenants,
  email_id        uuid not null,
  seq             bigint generated always as identity,
  mailbox_id      uuid not null,
  locator         text not null,
  message_key     text not null,
  workflow_id     text not null,
  state           text not null default 'listed' check (state in ('listed', 'started', 'waiting', 'done')),
  outcome         text check (outcome in ('ticket', 'comment', 'duplicate', 'excluded', 'discarded', 'gone')),
  reason          text not null default '',
  ticket_id       uuid,
  comment_id      uuid,
  history         boolean not null default false,
  raw_sha256      text,
  raw_size        bigint,
  content_sha256  text,
  flags           text[] not null default '{}',
  -- The mail this one waits for before it is decided: its parent, or an earlier sighting of itself.
  waits_for       uuid,
  timeline        jsonb not null default '[]',
  received_at     timestamptz not null default now(),
  listed_at       timestamptz not null default now(),
  done_at         timestamptz,
  primary key (tenant_id, email_id),
  unique (tenant_id, mailbox_id, locator),
  unique (tenant_id, mailbox_id, workflow_id),
  foreign key (tenant_id, mailbox_id) references mailboxes,
  check (state <> 'done' or outcome is not null),
  check (outcome is distinct from 'ticket' or ticket_id is not null),
  check (outcome is distinct from 'comment' or (ticket_id is not null and comment_id is not null))
);
create index emails_message_key on emails (tenant_id, message_key);
create index emails_open on emails (tenant_id, mailbox_id, seq) where state = 'listed';
create index emails_waits_for on emails (tenant_id, waits_for) where waits_for is not null;
create index emails_ticket on emails (tenant_id, ticket_id) where ticket_id is not null;
create index emails_recent on emails (tenant_id, seq desc);

-- step(NAME, DETAIL): one entry of a timeline.
create function step(name text, detail jsonb default '{}') returns jsonb language sql volatile
  set search_path = public, pg_temp as
  $$ select jsonb_build_array(jsonb_build_object('step', name, 'at', clock_timestamp()) || detail) $$;

create table email_contents (
  tenant_id   uuid not null references tenants,
  email_id    uuid not null,
  parsed      jsonb not null,
  primary key (tenant_id, email_id),
  foreign key (tenant_id, email_id) references emails on delete cascade
);

-- One record per message: every piece of evidence considered, what came of it, and who answered what.
create table decisions (
  tenant_id   uuid not null references tenants,
  email_id    uuid not null,
  record      jsonb not null,
  decided_at  timestamptz not null default now(),
  primary key (tenant_id, email_id),
  foreign key (tenant_id, email_id) references emails on delete cascade
);

-- Tickets -----------------------------------------------------------------------------------------------

create table ticket_numbers (
  tenant_id   uuid primary key references tenants,
  last        bigint not null default 0
);

create table tickets (
  tenant_id   uuid not null references tenants,
  ticket_id   uuid not null,
  number      bigint not null,
  subject     text not null,
  status      text not null default 'open' check (status in ('open', 'pending', 'closed', 'merged')),
  queue       text not null,
  priority    text not null check (priority in ('low', 'normal', 'high', 'urgent')),
  client_id   uuid,
  contact_id  uuid,
  assignee_id uuid,
  mailbox_id  uuid not null,
  merged_into uuid,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (tenant_id, ticket_id),
  unique (tenant_id, number),
  foreign key (tenant_id, client_id) references clients on delete set null (client_id),
  foreign key (tenant_id, contact_id) references contacts on delete set null (contact_id),
  foreign key (tenant_id, assignee_id) references users on delete set null (assignee_id),
  foreign key (tenant_id, mailbox_id) references mailboxes,
  foreign key (tenant_id, merged_into) references tickets,
  check ((status = 'merged') = (merged_into is not null))
);
create index tickets_recent on tickets (tenant_id, number desc) where status <> 'merged';

create table comments (
  tenant_id    uuid not null references tenants,
  comment_id   uuid not null,
  seq          bigint generated always as identity,
  ticket_id    uuid not null,
  email_id     uuid,
  author_name  text not null,
  author_address text not null,
  text         text not null,
  created_at   timestamptz not null default now(),
  primary key (tenant_id, comment_id),
  foreign key (tenant_id, ticket_id) references tickets,
  foreign key (tenant_id, email_id) references emails
);
create index comments_ticket on comments (tenant_id, ticket_id, created_at, seq);

-- Who takes part in a conversation, and so may write on its ticket.
create table ticket_participants (
  tenant_id   uuid not null references tenants,
  ticket_id   uuid not null,
  address     text not null check (address = lower(address)),
  role        text not null check (role in ('author', 'recipient')),
  primary key (tenant_id, ticket_id, address),
  foreign key (tenant_id, ticket_id) references tickets on delete cascade
);

-- Which conversation a Message-ID belongs to: 'member' once its mail is on the ticket, 'referenced' while only
-- replies to it were seen. The primary key is what makes concurrent replies agree on one ticket.
create table ticket_message_ids (
  tenant_id   uuid not null references tenants,
  message_id  text not null,
  ticket_id   uuid not null,
  kind        text not null check (kind in ('member', 'referenced')),
  email_id    uuid,
  primary key (tenant_id, message_id),
  foreign key (tenant_id, ticket_id) references tickets on delete cascade
);
create index ticket_message_ids_ticket on ticket_message_ids (tenant_id, ticket_id);

-- The manifest: every MIME part that is not a body, and what became of it.
create table attachments (
  tenant_id     uuid not null references tenants,
  attachment_id uuid not null,
  email_id      uuid not null,
  comment_id    uuid not null,
  position      integer not null,
  filename      text not null,
  content_type  text not null,
  size          bigint not null,
  sha256        text not null,
  content_id    text,
  inline        boolean not null,
  state         text not null default 'pending' check (state in ('pending', 'stored', 'skipped', 'infected')),
  reason        text not null default '',
  primary key (tenant_id, attachment_id),
  unique (tenant_id, email_id, position),
  foreign key (tenant_id, email_id) references emails on delete cascade,
  foreign key (tenant_id, comment_id) references comments on delete cascade
);
create index attachments_comment on attachments (tenant_id, comment_id);

-- Human tasks -------------------------------------------------------------------------------------------

create table tasks (
  tenant_id    uuid not null references tenants,
  task_id      uuid not null,
  kind         text not null check (kind in ('choose_ticket', 'review_sender', 'identify_client', 'missing_defaults',
                                             'repair_message', 'release_message', 'reconnect_mailbox')),
  email_id     uuid,
  mailbox_id   uuid not null,
  workflow_id  text not null,
  question     text not null,
  options      jsonb not null,
  candidates   jsonb not null default '[]',
  default_option text not null,
  state        text not null default 'open' check (state in ('open', 'resolved', 'defaulted')),
  stage        text not null default '' check (stage in ('', 'reminded', 'escalated')),
  deadline     timestamptz not null,
  resolution   jsonb,
  resolved_by  text,
  resolved_at  timestamptz,
  -- When the waiting workflow has taken the answer; null on a resolved task means the signal is still owed.
  delivered_at timestamptz,
  created_at   timestamptz not null default now(),
  primary key (tenant_id, task_id),
  foreign key (tenant_id, email_id) references emails on delete cascade,
  foreign key (tenant_id, mailbox_id) references mailboxes,
  check ((state = 'open') = (resolution is null))
);
create index tasks_open on tasks (tenant_id, created_at) where state = 'open';
create index tasks_undelivered on tasks (tenant_id, task_id) where state = 'resolved' and delivered_at is null;
create index tasks_email on tasks (tenant_id, email_id);

-- Roles and row-level security --------------------------------------------------------------------------

-- protect_tenant_table(T): what every tenant table must have. Called by each migration that makes one.
create function protect_tenant_table(t regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', t);
  execute format('alter table %s force row level security', t);
  execute format($policy$create policy tenant_only on %s
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)$policy$, t);
  execute format('grant select, insert, update, delete on %s to postroom_app', t);
end $$;
revoke all on function protect_tenant_table(regclass) from public;

select protect_tenant_table(c.oid::regclass)
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
 where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r';

-- The audit log is append-only for the application.
revoke update, delete on audit from postroom_app;

-- The directory: the few look-ups that must work before a tenant is known. Its functions run as a role that may
-- read just these columns of these tables, whatever the tenant.
grant select (tenant_id, mailbox_id, address, provider, state) on mailboxes to postroom_directory;
grant select (tenant_id, token_hash, user_id, expires_at, last_seen_at) on sessions to postroom_directory;
grant select (tenant_id, token_hash, expires_at, used_at) on login_links to postroom_directory;
grant select (tenant_id, token_hash, expires_at, scope, token_id) on api_tokens to postroom_directory;
grant select (tenant_id) on tenants to postroom_directory;
grant select (tenant_id, task_id, state, delivered_at) on tasks to postroom_directory;
create policy directory_reads on mailboxes for select to postroom_directory using (true);
create policy directory_reads on sessions for select to postroom_directory using (true);
create policy directory_reads on login_links for select to postroom_directory using (true);
create policy directory_reads on api_tokens for select to postroom_directory using (true);
create policy directory_reads on tenants for select to postroom_directory using (true);
create policy directory_reads on tasks for select to postroom_directory using (true);

create function directory_mailbox(id uuid) returns table (tenant_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.provider, m.state from mailboxes m where m.mailbox_id = id $$;

create function directory_mailbox_by_address(wanted text)
  returns table (tenant_id uuid, mailbox_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.mailbox_id, m.provider, m.state from mailboxes m where m.address = wanted $$;

create function directory_mailboxes() returns table (tenant_id uuid, mailbox_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.mailbox_id, m.provider, m.state from mailboxes m $$;

create function directory_session(hash bytea) returns table (tenant_id uuid)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select s.tenant_id from sessions s where s.token_hash = hash and s.expires_at > now() $$;

create function directory_login_link(hash bytea) returns table (tenant_id uuid)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select l.tenant_id from login_links l where l.token_hash = hash and l.expires_at > now() and l.used_at is null $$;

create function directory_api_token(hash bytea) returns table (tenant_id uuid, token_id uuid, scope text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select t.tenant_id, t.token_id, t.scope from api_tokens t
      where t.token_hash = hash and (t.expires_at is null or t.expires_at > now()) $$;

create function directory_tenants() returns table (tenant_id uuid)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select t.tenant_id from tenants t $$;

create function directory_undelivered_tasks() returns table (tenant_id uuid, task_id uuid)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select t.tenant_id, t.task_id from tasks t where t.state = 'resolved' and t.delivered_at is null $$;

do $$
declare f regprocedure;
begin
  grant create on schema public to postroom_directory;
  for f in select p.oid::regprocedure from pg_proc p
            where p.pronamespace = 'public'::regnamespace and p.proname like 'directory\_%'
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to postroom_app', f);
    execute format('alter function %s owner to postroom_directory', f);
  end loop;
  revoke create on schema public from postroom_directory;
end $$;

create index sessions_hash on sessions (token_hash);
create index login_links_hash on login_links (token_hash);
create index api_tokens_hash on api_tokens (token_hash);
create index tasks_owed on tasks (state) where state = 'resolved' and delivered_at is null;
