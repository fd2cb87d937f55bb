-- The console: lists and searches that stay fast in a long history, tasks in somebody's hands, answers that can be
-- taken back, notes between colleagues.

create extension if not exists pg_trgm;
-- So that a tenant's id and its words stand in one index.
create extension if not exists btree_gin;

-- Tasks: who has one in hand, and until when an answer may still be taken back (it is delivered after that).
alter table tasks add column assignee_id uuid;
alter table tasks add foreign key (tenant_id, assignee_id) references users on delete set null (assignee_id);
alter table tasks add column held_until timestamptz;
grant select (held_until) on tasks to postroom_directory;
create or replace function directory_undelivered_tasks() returns table (tenant_id uuid, task_id uuid)
  language sql volatile security definer set search_path = public, pg_temp as
  $$ select t.tenant_id, t.task_id from tasks t
      where t.state = 'resolved' and t.delivered_at is null
        and (t.held_until is null or t.held_until <= clock_timestamp()) $$;

-- What colleagues write on a ticket among themselves.
alter table comments add column internal boolean not null default false;

-- What is filled in below belongs to every tenant: for that long, the owner is not held to one.
alter table emails no force row level security;
alter table email_contents no force row level security;
alter table tickets no force row level security;
alter table contacts no force row level security;
alter table clients no force row level security;

-- Lists ---------------------------------------------------------------------------------------------------

-- What a list shows and a search looks at, beside the content it comes from: reading that for a list means reading
-- whole mails. `seq` is the ledger's, for the newest first.
alter table email_contents add column seq bigint;
alter table email_contents add column subject text not null default '';
alter table email_contents add column sender_name text not null default '';
alter table email_contents add column sender_address text not null default '';
update email_contents c
   set seq = e.seq, subject = left(c.parsed ->> 'subject', 1000),
       sender_name = left(coalesce(c.parsed -> 'from' -> 0 ->> 'name', ''), 300),
       sender_address = left(coalesce(c.parsed -> 'from' -> 0 ->> 'address', ''), 320)
  from emails e where e.tenant_id = c.tenant_id and e.email_id = c.email_id;
-- The sender of a mail as lists and the API show it; null where it has none.
create function sender(name text, address text) returns jsonb language sql immutable parallel safe
  set search_path = public, pg_temp as
  $$ select case when address <> '' then jsonb_build_object('name', name, 'address', address) end $$;
create index email_contents_recent on email_contents (tenant_id, seq desc);
create index email_contents_words on email_contents
  using gin (tenant_id, (lower(' ' || subject || ' ' || sender_name || ' ' || sender_address)) gin_trgm_ops);

-- A ticket is found by its subject, its contact and its client.
alter table tickets add column words text not null default '';
create function ticket_words(tenant uuid, subject text, contact uuid, client uuid) returns text
  language sql stable set search_path = public, pg_temp as $$
  select lower(concat_ws(' ', '', subject,
    (select name || ' ' || address from contacts where tenant_id = tenant and contact_id = contact),
    (select name from clients where tenant_id = tenant and client_id = client))) $$;
create function set_ticket_words() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  new.words := ticket_words(new.tenant_id, new.subject, new.contact_id, new.client_id);
  return new;
end $$;
create trigger tickets_words before insert or update of subject, contact_id, client_id on tickets
  for each row execute function set_ticket_words();
create function rename_in_tickets() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_table_name = 'clients' then
    update tickets t set words = ticket_words(t.tenant_id, t.subject, t.contact_id, t.client_id)
     where t.tenant_id = new.tenant_id and t.client_id = new.client_id;
  else
    update tickets t set words = ticket_words(t.tenant_id, t.subject, t.contact_id, t.client_id)
     where t.tenant_id = new.tenant_id and t.contact_id = new.contact_id;
  end if;
  return null;
end $$;
create trigger clients_renamed after update of name on clients for each row
  when (old.name is distinct from new.name) execute function rename_in_tickets();
create trigger contacts_renamed after update of name, address on contacts for each row
  when ((old.name, old.address) is distinct from (new.name, new.address)) execute function rename_in_tickets();
update tickets t set words = ticket_words(t.tenant_id, t.subject, t.contact_id, t.client_id);
create index tickets_words on tickets using gin (tenant_id, words gin_trgm_ops);

create index tickets_status on tickets (tenant_id, status, number desc);
create index tickets_client on tickets (tenant_id, client_id, number desc) where client_id is not null;
create index tickets_contact on tickets (tenant_id, contact_id) where contact_id is not null;
create index tickets_assignee on tickets (tenant_id, assignee_id, number desc) where assignee_id is not null;
create index tickets_mailbox on tickets (tenant_id, mailbox_id, number desc);
create index tickets_tags on tickets using gin (tenant_id, tags);

-- Searches. Row-level security keeps what is not leakproof, and LIKE is not, away from an index. So they run as a role
-- that may read just these columns, and name the tenant themselves: the one that the transaction has set.
grant select (tenant_id, email_id, seq, subject, sender_name, sender_address) on email_contents to postroom_search;
grant select (tenant_id, ticket_id, number, status, words, client_id, assignee_id, mailbox_id, tags) on tickets
  to postroom_search;
create policy search_reads on email_contents for select to postroom_search using (true);
create policy search_reads on tickets for select to postroom_search using (true);

-- ` and TEXT like …` for each pattern: an index serves these, but not `like all`.
create function like_each(words text, patterns text[]) returns text language sql immutable
  set search_path = public, pg_temp as
  $$ select coalesce(string_agg(format(' and %s like %L', words, p), ''), '') from unnest(patterns) p $$;

-- Row-level security also hides from the planner how frequent a word is. So a search first looks through the newest
-- rows, where a frequent word is found at once, and asks the index of words only when that did not do.

-- The newest mails whose subject and sender hold every pattern (LIKE, in lower case; words begin after a space).
create function search_emails(patterns text[], before bigint, n integer) returns table (email_id uuid)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  tenant constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  hits constant text := like_each(
    'lower('' '' || c.subject || '' '' || c.sender_name || '' '' || c.sender_address)', patterns);
  mails constant text := 'select c.email_id, c.seq, c.subject, c.sender_name, c.sender_address from email_contents c
                           where c.tenant_id = $1 and c.seq < coalesce($2, 9223372036854775807)';
  newest uuid[];
begin
  execute 'select array_agg(x.email_id) from (select c.email_id from (' || mails
    || ' order by c.seq desc limit 10000) c where true ' || hits || ' limit $3) x'
    into newest using tenant, before, n;
  if cardinality(newest) >= n then
    return query select unnest(newest);
  else
    return query execute 'with c as materialized (' || mails || hits
      || ') select c.email_id from c order by c.seq desc limit $3' using tenant, before, n;
  end if;
end $$;

-- The newest tickets that hold every pattern and pass the filters; an argument that is null filters nothing. Merged
-- tickets are left out unless their status is asked for. `unassigned` asks for those that nobody has.
create function search_tickets(patterns text[], wanted_status text, wanted_client uuid, wanted_assignee uuid,
                               unassigned boolean, wanted_mailbox uuid, wanted_tag text, before bigint, n integer)
  returns table (ticket_id uuid)
  language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  tenant constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  tickets constant text :=
    'select t.ticket_id, t.number, t.status, t.words, t.client_id, t.assignee_id, t.mailbox_id, t.tags from tickets t
      where t.tenant_id = $1 and t.number < coalesce($2, 9223372036854775807)';
  -- Only the conditions that are asked for: each combination gets a plan of its own.
  wanted text := ' and t.status ' || coalesce('= ' || quote_literal(wanted_status), '<> ''merged''');
  newest uuid[];
begin
  if wanted_client is not null then wanted := wanted || format(' and t.client_id = %L', wanted_client); end if;
  if wanted_assignee is not null then wanted := wanted || format(' and t.assignee_id = %L', wanted_assignee); end if;
  if unassigned then wanted := wanted || ' and t.assignee_id is null'; end if;
  if wanted_mailbox is not null then wanted := wanted || format(' and t.mailbox_id = %L', wanted_mailbox); end if;
  if wanted_tag is not null then wanted := wanted || format(' and t.tags @> array[%L]', wanted_tag); end if;
  if cardinality(patterns) = 0 then
    return query execute 'select t.ticket_id from (' || tickets || wanted || ' order by t.number desc limit $3) t'
      using tenant, before, n;
    return;
  end if;
  wanted := wanted || like_each('t.words', patterns);
  execute 'select array_agg(x.ticket_id) from (select t.ticket_id from (' || tickets
    || ' order by t.number desc limit 10000) t where true ' || wanted || ' limit $3) x'
    into newest using tenant, before, n;
  if cardinality(newest) >= n then
    return query select unnest(newest);
  else
    return query execute 'with t as materialized (' || tickets || wanted
      || ') select t.ticket_id from t order by t.number desc limit $3' using tenant, before, n;
  end if;
end $$;

do $$
declare f regprocedure;
begin
  grant create on schema public to postroom_search;
  for f in select p.oid::regprocedure from pg_proc p
            where p.pronamespace = 'public'::regnamespace and p.proname in ('search_emails', 'search_tickets')
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to postroom_app', f);
    execute format('alter function %s owner to postroom_search', f);
  end loop;
  revoke create on schema public from postroom_search;
end $$;

-- Counts --------------------------------------------------------------------------------------------------

-- How many mails each mailbox has listed: what is done is that less what is open, which an index counts. In several
-- shards, so that transactions which list at the same time do not wait for each other.
create table mailbox_tallies (
  tenant_id   uuid not null references tenants,
  mailbox_id  uuid not null,
  shard       smallint not null,
  listed      bigint not null,
  last_at     timestamptz,
  primary key (tenant_id, mailbox_id, shard),
  foreign key (tenant_id, mailbox_id) references mailboxes on delete cascade
);
insert into mailbox_tallies (tenant_id, mailbox_id, shard, listed, last_at)
select tenant_id, mailbox_id, 0, count(*), max(listed_at) from emails group by tenant_id, mailbox_id;
select protect_tenant_table('mailbox_tallies');
alter table emails force row level security;
alter table email_contents force row level security;
alter table tickets force row level security;
alter table contacts force row level security;
alter table clients force row level security;

create function tally_listed() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  insert into mailbox_tallies as m (tenant_id, mailbox_id, shard, listed, last_at)
  select n.tenant_id, n.mailbox_id, pg_backend_pid() % 32, count(*), max(n.listed_at) from new_rows n
   group by n.tenant_id, n.mailbox_id
  on conflict (tenant_id, mailbox_id, shard) do update
    set listed = m.listed + excluded.listed, last_at = greatest(m.last_at, excluded.last_at);
  return null;
end $$;
create function tally_removed() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  update mailbox_tallies m set listed = m.listed - gone.n
    from (select o.tenant_id, o.mailbox_id, count(*) as n from old_rows o group by 1, 2) gone
   where m.tenant_id = gone.tenant_id and m.mailbox_id = gone.mailbox_id
     and m.shard = (select min(s.shard) from mailbox_tallies s
                     where s.tenant_id = gone.tenant_id and s.mailbox_id = gone.mailbox_id);
  return null;
end $$;
create trigger emails_listed after insert on emails referencing new table as new_rows
  for each statement execute function tally_listed();
create trigger emails_removed after delete on emails referencing old table as old_rows
  for each statement execute function tally_removed();
create index emails_unfinished on emails (tenant_id, mailbox_id, seq) where state <> 'done';

