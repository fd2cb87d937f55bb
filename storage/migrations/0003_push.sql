-- Sources that notify: hints, watches, how a mailbox's syncs go, and the slots that all workers share.

create table mailbox_syncs (
  tenant_id      uuid not null references tenants,
  mailbox_id     uuid not null,
  -- Refusals of the credentials in a row; the third one in a row pauses the mailbox.
  auth_failures  integer not null default 0,
  -- The source asked for silence until then; every worker keeps it.
  blocked_until  timestamptz,
  -- The last notification, and when the mailbox's workflow was last told of one.
  hinted_at      timestamptz,
  signalled_at   timestamptz,
  watch_failures integer not null default 0,
  watch_retry_at timestamptz,
  watches_checked_at timestamptz,
  primary key (tenant_id, mailbox_id),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('mailbox_syncs');
create index mailbox_syncs_owed on mailbox_syncs (hinted_at)
  where hinted_at is not null and (signalled_at is null or signalled_at < hinted_at);

create table mailbox_watches (
  tenant_id     uuid not null references tenants,
  mailbox_id    uuid not null,
  -- The folder it watches, or the mailbox as a whole.
  what          text not null,
  -- The source's id of it; Graph's notifications name nothing else.
  watch_id      text not null,
  secret_sha256 bytea not null check (octet_length(secret_sha256) = 32),
  expires_at    timestamptz not null,
  renew_at      timestamptz not null,
  renewed_at    timestamptz not null default now(),
  primary key (tenant_id, mailbox_id, what),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('mailbox_watches');
create index mailbox_watches_id on mailbox_watches (watch_id);

-- A source that counts concurrent requests per mailbox counts those of all workers.
create table source_slots (
  tenant_id     uuid not null references tenants,
  mailbox_id    uuid not null,
  slot          integer not null,
  leased_until  timestamptz not null,
  lease_id      uuid not null,
  primary key (tenant_id, mailbox_id, slot),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
select protect_tenant_table('source_slots');

-- What a webhook must do before a tenant is known.
grant select, insert, update on mailbox_syncs to postroom_directory;
grant select on mailbox_watches to postroom_directory;
create policy directory_hints on mailbox_syncs to postroom_directory using (true) with check (true);
create policy directory_reads on mailbox_watches for select to postroom_directory using (true);

-- Returns a time that none of the hints stored before is younger than.
create function directory_hint(ids uuid[]) returns timestamptz
  language sql volatile security definer set search_path = public, pg_temp as $$
  insert into mailbox_syncs (tenant_id, mailbox_id, hinted_at)
  select m.tenant_id, m.mailbox_id, clock_timestamp() from mailboxes m where m.mailbox_id = any (ids)
   order by m.mailbox_id  -- one order everywhere, so that two batches cannot deadlock
  on conflict (tenant_id, mailbox_id) do update set hinted_at = excluded.hinted_at;
  select clock_timestamp()
$$;

-- `told` were signalled because of hints up to `hinted`.
create function directory_hints_signalled(told uuid[], hinted timestamptz) returns void
  language sql volatile security definer set search_path = public, pg_temp as $$
  update mailbox_syncs set signalled_at = hinted
   where mailbox_id in (select unnest(told) order by 1) and (signalled_at is null or signalled_at < hinted)
$$;

create function directory_hints_owed() returns table (mailbox_id uuid, hinted_at timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select s.mailbox_id, s.hinted_at from mailbox_syncs s
   where s.hinted_at is not null and (s.signalled_at is null or s.signalled_at < s.hinted_at)
   order by s.hinted_at limit 1000
$$;

create function directory_watch(id text) returns table (tenant_id uuid, mailbox_id uuid, secret_sha256 bytea)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select w.tenant_id, w.mailbox_id, w.secret_sha256 from mailbox_watches w where w.watch_id = id $$;

do $$
declare f regprocedure;
begin
  grant create on schema public to postroom_directory;
  for f in select p.oid::regprocedure from pg_proc p
            where p.pronamespace = 'public'::regnamespace
              and p.proname in ('directory_hint', 'directory_hints_signalled', 'directory_hints_owed', 'directory_watch')
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to postroom_app', f);
    execute format('alter function %s owner to postroom_directory', f);
  end loop;
  revoke create on schema public from postroom_directory;
end $$;
