-- The feed of events: of two transactions the later one may be over first, and whoever read on from its event would never
-- see the other's. So a transaction that emits holds a lock, until it is over, that names the last number given before its
-- own ones, and the feed ends there.

grant select on sequence events_seq_seq to postroom_app;

create function last_event() returns bigint language sql set search_path = public, pg_temp as $$
  select case when is_called then last_value else last_value - 1 end from events_seq_seq
$$;

create or replace function emit_event(tenant uuid, what text, concerning text, body jsonb) returns void
  language plpgsql set search_path = public, pg_temp as $$
begin
  if coalesce(current_setting('postroom.emits', true), '') = '' then
    perform pg_advisory_xact_lock_shared(7, (last_event() & 2147483647)::int);
    perform set_config('postroom.emits', 'yes', true);
  end if;
  with event as (
    insert into events (tenant_id, kind, about, data) values (tenant, what, concerning, body) returning seq)
  insert into event_deliveries (tenant_id, endpoint_id, seq, about)
  select tenant, e.endpoint_id, event.seq, concerning from event, event_endpoints e
   where e.tenant_id = tenant and what = any (e.kinds);
end $$;

-- The number up to which nothing can be added any more; what is read has to be read in a later statement.
create function events_settled() returns bigint language plpgsql set search_path = public, pg_temp as $$
declare
  given bigint := last_event();
  held  bigint[];
begin
  select array_agg(objid::bigint) into held from pg_locks
   where locktype = 'advisory' and classid = 7 and objsubid = 2
     and database = (select oid from pg_database where datname = current_database());
  -- The locks have the lower 31 bits of numbers that are below the latest one.
  return (select least(given, min(now_given - ((now_given - low) & 2147483647)))
            from last_event() as now_given, unnest(held) as low);
end $$;
