-- As directory_mailbox, with those that are being set up: their notifications are tried before they are read.
create function directory_mailbox_or_draft(id uuid) returns table (tenant_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select m.tenant_id, m.provider, m.state from mailboxes m where m.mailbox_id = id and m.state <> 'removed' $$;
grant create on schema public to postroom_directory;
revoke all on function directory_mailbox_or_draft(uuid) from public;
grant execute on function directory_mailbox_or_draft(uuid) to postroom_app;
alter function directory_mailbox_or_draft(uuid) owner to postroom_directory;
revoke create on schema public from postroom_directory;

-- As before, but not for mailboxes that were removed a moment ago.
create or replace function directory_hint(ids uuid[]) returns timestamptz
  language sql volatile security definer set search_path = public, pg_temp as $$
  insert into mailbox_syncs (tenant_id, mailbox_id, hinted_at)
  select m.tenant_id, m.mailbox_id, clock_timestamp() from mailboxes m
   where m.mailbox_id = any (ids) and m.state <> 'removed'
   order by m.mailbox_id  -- one order everywhere, so that two batches cannot deadlock
  on conflict (tenant_id, mailbox_id) do update set hinted_at = excluded.hinted_at;
  select clock_timestamp()
$$;

-- As before, but nobody is to be told of a mailbox that is being set up.
create or replace function directory_hints_owed() returns table (mailbox_id uuid, hinted_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select s.mailbox_id, s.hinted_at from mailbox_syncs s join mailboxes m using (tenant_id, mailbox_id)
   where s.hinted_at is not null and (s.signalled_at is null or s.signalled_at < s.hinted_at)
     and m.state not in ('draft', 'removed')
   order by s.hinted_at limit 1000
$$;
