-- Mailboxes looked after: set up step by step, removed, tried and checked against their source; and mail by the hour.

-- 'draft': being set up, read by nobody. 'removed': disconnected; its mail and tickets stay, and so does its row.
alter table mailboxes drop constraint mailboxes_state_check;
alter table mailboxes add constraint mailboxes_state_check
  check (state in ('draft', 'active', 'paused', 'needs_reauth', 'removed'));

-- Neither of them exists for a webhook, a listener or a worker.
create or replace function directory_mailbox(id uuid) returns table (tenant_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.provider, m.state from mailboxes m
      where m.mailbox_id = id and m.state not in ('draft', 'removed') $$;

create or replace function directory_mailbox_by_address(wanted text)
  returns table (tenant_id uuid, mailbox_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.mailbox_id, m.provider, m.state from mailboxes m
      where m.address = wanted and m.state not in ('draft', 'removed') $$;

create or replace function directory_mailboxes()
  returns table (tenant_id uuid, mailbox_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.mailbox_id, m.provider, m.state from mailboxes m
      where m.state not in ('draft', 'removed') $$;

-- What a person, or the clock, asked to be done with a mailbox; the worker that does it writes its findings here.
create table mailbox_jobs (
  tenant_id    uuid not null references tenants,
  job_id       uuid not null,
  mailbox_id   uuid not null,
  kind         text not null check (kind in ('diagnose', 'reconcile', 'count', 'consent', 'redeem')),
  state        text not null default 'running' check (state in ('running', 'done', 'failed')),
  -- Findings of a diagnosis as they are made: {"name", "works", "detail", "advice"}.
  steps        jsonb not null default '[]',
  result       jsonb not null default '{}',
  -- A consent that is under way: sealed, and gone with the answer.
  sealed       text,
  asked_by     text not null,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  primary key (tenant_id, job_id),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('mailbox_jobs');
create index mailbox_jobs_latest on mailbox_jobs (tenant_id, mailbox_id, kind, created_at desc);

-- The last comparison of each mailbox with its source, and what all of them found together.
create table mailbox_checks (
  tenant_id      uuid not null references tenants,
  mailbox_id     uuid not null,
  since          timestamptz,
  started_at     timestamptz not null,
  finished_at    timestamptz not null default now(),
  -- When the last one that went through to its end began: the next one need not look far behind it.
  complete_at    timestamptz,
  error          text not null default '',
  listed         bigint not null default 0,
  missing        bigint not null default 0,
  stuck          bigint not null default 0,
  repaired       bigint not null default 0,
  checks_total   bigint not null default 0,
  failures_total bigint not null default 0,
  missing_total  bigint not null default 0,
  stuck_total    bigint not null default 0,
  repaired_total bigint not null default 0,
  primary key (tenant_id, mailbox_id),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('mailbox_checks');

-- Closed hours, counted once: a mailbox's, and under the nil uuid the whole tenant's. Times in milliseconds, of mail
-- that nobody was asked about and that was no history.
create table mail_hours (
  tenant_id   uuid not null references tenants,
  mailbox_id  uuid not null,
  hour        timestamptz not null,
  done        bigint not null,
  tickets     bigint not null,
  comments    bigint not null,
  duplicates  bigint not null,
  excluded    bigint not null,
  discarded   bigint not null,
  gone        bigint not null,
  latency_p50 bigint,
  latency_p95 bigint,
  latency_p99 bigint,
  lag_p50     bigint,
  lag_max     bigint,
  primary key (tenant_id, mailbox_id, hour)
);
select protect_tenant_table('mail_hours');

-- Up to when a tenant's hours are closed.
create table mail_hours_closed (
  tenant_id   uuid not null references tenants,
  until       timestamptz not null,
  primary key (tenant_id)
);
select protect_tenant_table('mail_hours_closed');

create index emails_done on emails (tenant_id, done_at)
  include (mailbox_id, email_id, outcome, received_at, listed_at, history) where done_at is not null;
create index emails_pending on emails (tenant_id, mailbox_id, seq) include (state, listed_at) where state <> 'done';
