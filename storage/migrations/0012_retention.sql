-- Retention and erasure: what may go, what is owed to the object store, and what stays as evidence.

-- The digest of a message stays when its bytes have gone; these say when they did, and that a person asked for it.
alter table emails add column raw_deleted_at timestamptz;
alter table emails add column erased_at timestamptz;

-- Who refers to an object: it is deleted only when nobody does.
create index emails_raw on emails (tenant_id, raw_sha256) where raw_sha256 is not null and raw_deleted_at is null;
create index attachments_stored on attachments (tenant_id, sha256) where state = 'stored';

-- Objects that lost a reference. Each is looked at once more, under a lock, before it goes (storage/deletions.py).
create table object_deletions (
  tenant_id   uuid not null references tenants,
  kind        text not null check (kind in ('raw', 'part')),
  sha256      text not null,
  asked_at    timestamptz not null default now(),
  primary key (tenant_id, kind, sha256)
);
select protect_tenant_table('object_deletions');

-- The application may not delete from the audit log. This removes the oldest rows of one tenant, never one younger than
-- thirty days, and only from the beginning: the links of the chain stay, so that the rest can still be verified.
grant select (tenant_id, audit_id, at), delete on audit to postroom_directory;
grant select on audit_chain to postroom_directory;
create policy directory_reads on audit for select to postroom_directory using (true);
create policy directory_prunes on audit for delete to postroom_directory using (true);
create policy directory_reads on audit_chain for select to postroom_directory using (true);

create function directory_prune_audit(tenant uuid, before timestamptz, most integer) returns integer
  language sql volatile security definer set search_path = public, pg_temp as $$
  with young as (
    select min(c.position) as position from audit_chain c join audit a using (tenant_id, audit_id)
     where c.tenant_id = tenant and a.at >= least(before, now() - interval '30 days')),
  old as (
    select a.audit_id from audit_chain c join audit a using (tenant_id, audit_id), young
     where c.tenant_id = tenant and (young.position is null or c.position < young.position)
     order by c.position limit most),
  gone as (
    delete from audit a using old where a.tenant_id = tenant and a.audit_id = old.audit_id returning 1)
  select count(*)::integer from gone $$;

do $$
begin
  grant create on schema public to postroom_directory;
  revoke all on function directory_prune_audit(uuid, timestamptz, integer) from public;
  grant execute on function directory_prune_audit(uuid, timestamptz, integer) to postroom_app;
  alter function directory_prune_audit(uuid, timestamptz, integer) owner to postroom_directory;
  revoke create on schema public from postroom_directory;
end $$;
