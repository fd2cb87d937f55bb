-- The virus scanner: what it was not asked about is known, and is asked about later.

alter table attachments drop constraint attachments_state_check;
alter table attachments add constraint attachments_state_check
  check (state in ('pending', 'stored', 'skipped', 'infected', 'unscanned'));
-- When the scanner was last asked; a stored part that has it is one in which nothing was found.
alter table attachments add column scanned_at timestamptz;

create index attachments_unscanned on attachments (tenant_id, sha256) where state = 'unscanned';

-- The bytes of all three are kept.
drop index attachments_stored;
create index attachments_kept on attachments (tenant_id, sha256) where state in ('stored', 'infected', 'unscanned');
