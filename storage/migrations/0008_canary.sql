-- Delivery canaries: mails that a mailbox sends to itself, and how long each took. Pull subscriptions that fail.

-- Why the mailbox's notifications cannot be pulled, for people.
alter table mailbox_syncs add column pull_failure text;

create table mailbox_canaries (
  tenant_id   uuid not null references tenants,
  mailbox_id  uuid not null,
  canary_id   uuid not null,
  sent_at     timestamptz not null default clock_timestamp(),
  -- When its message was decided; null while it is on its way, or lost.
  arrived_at  timestamptz,
  -- Why it could not be sent, for people.
  failure     text,
  primary key (tenant_id, mailbox_id, canary_id),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('mailbox_canaries');
create index mailbox_canaries_latest on mailbox_canaries (tenant_id, mailbox_id, sent_at desc);
