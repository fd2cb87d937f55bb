-- Deciding, continued: the source's own threads, merges that can be undone, how often rules act, replays of rules.

-- What the source calls the conversation (Gmail's threadId, Graph's conversationId); it means something in its mailbox.
alter table emails add column provider_thread_id text;
create index emails_provider_thread on emails (tenant_id, mailbox_id, provider_thread_id, seq)
  where provider_thread_id is not null;

-- What a merge moved, so that it can be undone: the emptied ticket's former status, and everything that was its own.
create table ticket_merges (
  tenant_id    uuid not null references tenants,
  merge_id     uuid not null,
  ticket_id    uuid not null,
  merged_into  uuid not null,
  was          text not null check (was in ('open', 'pending', 'closed')),
  was_closed_at timestamptz,
  comments     uuid[] not null,
  emails       uuid[] not null,
  message_ids  text[] not null,
  outbound     text[] not null,
  -- Tickets that were merged into this one before, and followed it.
  followers    uuid[] not null,
  merged_by    text not null,
  merged_at    timestamptz not null default now(),
  undone_by    text,
  undone_at    timestamptz,
  primary key (tenant_id, merge_id),
  foreign key (tenant_id, ticket_id) references tickets on delete cascade,
  foreign key (tenant_id, merged_into) references tickets on delete cascade,
  check ((undone_by is null) = (undone_at is null))
);
-- A ticket is merged away once at a time.
create unique index ticket_merges_standing on ticket_merges (tenant_id, ticket_id) where undone_at is null;
create index ticket_merges_into on ticket_merges (tenant_id, merged_into) where undone_at is null;

-- How many mails each rule decided, by day: one row that a commit counts up, whatever the number of mails.
create table rule_hits (
  tenant_id   uuid not null references tenants,
  rule_id     text not null,
  day         date not null default current_date,
  hits        bigint not null default 1,
  last_at     timestamptz not null default now(),
  primary key (tenant_id, rule_id, day)
);

-- A dry run of the rules over past mail: how far it is, and what would land elsewhere (the first thousand mails).
create table rule_replays (
  tenant_id     uuid not null references tenants,
  replay_id     uuid not null,
  since         timestamptz not null,
  rules_version integer not null,
  state         text not null default 'running' check (state in ('running', 'done', 'failed')),
  total         bigint not null default 0,
  checked       bigint not null default 0,
  different     bigint not null default 0,
  differences   jsonb not null default '[]',
  started_by    text not null,
  started_at    timestamptz not null default now(),
  -- When it last said how far it is; one that has said nothing for a while died with its process.
  beat_at       timestamptz not null default now(),
  finished_at   timestamptz,
  primary key (tenant_id, replay_id)
);
create index rule_replays_recent on rule_replays (tenant_id, started_at desc);

select protect_tenant_table(t) from unnest(array['ticket_merges', 'rule_hits', 'rule_replays']::regclass[]) as t;
