-- A mailbox that is removed leaves a worker the access it had, until its notifications are ended at the source.
alter table mailbox_jobs drop constraint mailbox_jobs_kind_check;
alter table mailbox_jobs add constraint mailbox_jobs_kind_check
  check (kind in ('diagnose', 'reconcile', 'count', 'consent', 'redeem', 'disconnect'));
create index mailbox_jobs_disconnecting on mailbox_jobs (tenant_id, created_at) where kind = 'disconnect';
