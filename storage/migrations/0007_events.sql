-- Outgoing events: an outbox that triggers fill in the transaction of what they announce, so that no code path can
-- forget one; and for each subscriber the deliveries that are owed to it, in order for each ticket.

create table event_endpoints (
  tenant_id      uuid not null references tenants,
  endpoint_id    uuid not null,
  url            text not null,
  description    text not null default '',
  kinds          text[] not null,
  sealed_secret  text not null,
  state          text not null default 'active' check (state in ('active', 'paused')),
  -- Why postroom itself paused it; empty when a person did.
  reason         text not null default '',
  created_at     timestamptz not null default now(),
  primary key (tenant_id, endpoint_id)
);

create table events (
  tenant_id   uuid not null references tenants,
  seq         bigint generated always as identity,
  event_id    uuid not null default gen_random_uuid(),
  kind        text not null,
  -- What it is about, and what its order holds within: ticket/<id>, mailbox/<id>, email/<id>.
  about     text not null,
  data        jsonb not null,
  created_at  timestamptz not null default now(),
  primary key (tenant_id, seq)
);

create table event_deliveries (
  tenant_id     uuid not null,
  endpoint_id   uuid not null,
  seq           bigint not null,
  about       text not null,
  state         text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  attempts      integer not null default 0,
  next_at       timestamptz not null default now(),
  -- What the last attempt met: an HTTP status, or the sort of failure. Never anything the other side wrote.
  last_error    text not null default '',
  delivered_at  timestamptz,
  primary key (tenant_id, endpoint_id, seq),
  foreign key (tenant_id, endpoint_id) references event_endpoints on delete cascade,
  foreign key (tenant_id, seq) references events on delete cascade
);
create index event_deliveries_pending on event_deliveries (tenant_id, endpoint_id, about, seq)
  where state = 'pending';
create index event_deliveries_dead on event_deliveries (tenant_id, endpoint_id, seq) where state = 'dead';

select protect_tenant_table('event_endpoints'), protect_tenant_table('events'), protect_tenant_table('event_deliveries');

create function emit_event(tenant uuid, what text, concerning text, body jsonb) returns void
  language sql set search_path = public, pg_temp as $$
  with event as (
    insert into events (tenant_id, kind, about, data) values (tenant, what, concerning, body) returning seq)
  insert into event_deliveries (tenant_id, endpoint_id, seq, about)
  select tenant, e.endpoint_id, event.seq, concerning from event, event_endpoints e
   where e.tenant_id = tenant and what = any (e.kinds)
$$;

create function announce_ticket() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform emit_event(new.tenant_id, 'ticket.created', 'ticket/' || new.ticket_id, jsonb_build_object(
    'ticket_id', new.ticket_id, 'number', new.number, 'status', new.status, 'queue', new.queue,
    'priority', new.priority, 'client_id', new.client_id, 'contact_id', new.contact_id, 'mailbox_id', new.mailbox_id));
  return null;
end $$;
create trigger announce after insert on tickets for each row execute function announce_ticket();

create function announce_comment() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform emit_event(new.tenant_id, 'comment.added', 'ticket/' || new.ticket_id, jsonb_build_object(
    'comment_id', new.comment_id, 'ticket_id', new.ticket_id, 'email_id', new.email_id));
  return null;
end $$;
create trigger announce after insert on comments for each row execute function announce_comment();

create function announce_task() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
  concerning text := case when new.email_id is null then 'mailbox/' || new.mailbox_id else 'email/' || new.email_id end;
begin
  if tg_op = 'INSERT' then
    perform emit_event(new.tenant_id, 'task.opened', concerning, jsonb_build_object(
      'task_id', new.task_id, 'kind', new.kind, 'email_id', new.email_id, 'mailbox_id', new.mailbox_id,
      'deadline', new.deadline));
  elsif old.state = 'open' and new.state <> 'open' then
    perform emit_event(new.tenant_id, 'task.resolved', concerning, jsonb_build_object(
      'task_id', new.task_id, 'kind', new.kind, 'email_id', new.email_id, 'mailbox_id', new.mailbox_id,
      'state', new.state, 'choice', new.resolution ->> 'choice'));
  end if;
  return null;
end $$;
create trigger announce after insert or update of state on tasks for each row execute function announce_task();

create function announce_mailbox() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform emit_event(new.tenant_id, 'mailbox.status', 'mailbox/' || new.mailbox_id, jsonb_build_object(
    'mailbox_id', new.mailbox_id, 'provider', new.provider, 'state', new.state));
  return null;
end $$;
create trigger announce after insert or update of state on mailboxes
  for each row execute function announce_mailbox();

create function announce_exclusion() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  perform emit_event(new.tenant_id, 'email.excluded', 'email/' || new.email_id, jsonb_build_object(
    'email_id', new.email_id, 'mailbox_id', new.mailbox_id, 'outcome', new.outcome, 'reason', new.reason));
  return null;
end $$;
create trigger announce after update of outcome on emails for each row
  when (old.outcome is null and new.outcome in ('excluded', 'discarded'))
  execute function announce_exclusion();

-- For the processes that deliver: who is owed something now, whatever the tenant.
grant select (tenant_id, endpoint_id, state) on event_endpoints to postroom_directory;
grant select (tenant_id, endpoint_id, seq, about, state, next_at) on event_deliveries to postroom_directory;
create policy directory_reads on event_endpoints for select to postroom_directory using (true);
create policy directory_reads on event_deliveries for select to postroom_directory using (true);

create function directory_owed_events() returns table (tenant_id uuid, endpoint_id uuid)
  language sql stable security definer set search_path = public, pg_temp as $$
  select e.tenant_id, e.endpoint_id from event_endpoints e
   where e.state = 'active' and exists (
     select from event_deliveries d
      where d.tenant_id = e.tenant_id and d.endpoint_id = e.endpoint_id and d.state = 'pending'
        and d.next_at <= now() and not exists (
          select from event_deliveries earlier
           where earlier.tenant_id = d.tenant_id and earlier.endpoint_id = d.endpoint_id
             and earlier.about = d.about and earlier.seq < d.seq and earlier.state = 'pending'))
$$;
revoke all on function directory_owed_events() from public;
grant execute on function directory_owed_events() to postroom_app;
grant create on schema public to postroom_directory;
alter function directory_owed_events() owner to postroom_directory;
revoke create on schema public from postroom_directory;
