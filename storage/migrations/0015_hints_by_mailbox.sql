-- Told hints are recorded by mailbox alone, before a tenant is known: not by reading every mailbox's row.
create index mailbox_syncs_mailbox on mailbox_syncs (mailbox_id);
