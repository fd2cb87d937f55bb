-- Keys that open a mailbox's encrypted mail, and certificates that verify signatures (domain/mail_keys.py).
-- label: whose it is, for people; fingerprint: SHA-256 of what is sealed, so that none is stored twice.
create table mailbox_keys (
  tenant_id    uuid not null references tenants,
  mailbox_id   uuid not null,
  key_id       uuid not null,
  kind         text not null check (kind in ('smime_key', 'smime_certificate', 'openpgp_key', 'openpgp_certificate')),
  label        text not null,
  fingerprint  bytea not null check (octet_length(fingerprint) = 32),
  sealed_key   text not null,
  created_at   timestamptz not null default now(),
  primary key (tenant_id, mailbox_id, key_id),
  unique (tenant_id, mailbox_id, fingerprint),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('mailbox_keys');
