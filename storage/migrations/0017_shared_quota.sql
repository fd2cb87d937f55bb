-- What all workers together ask of a mailbox's source.
alter table mailbox_syncs
  -- Until when the quota spent so far takes to come back.
  add column spent_until timestamptz,
  -- Failures of the source in a row, which make the pauses between attempts longer.
  add column setbacks integer not null default 0;
