-- Ways in: passwords, OpenID Connect, sessions that people can tell apart, tokens that end. The audit log's chain.
-- Answers of the API that are kept for a repeated request.

-- password: argon2id in PHC form. oidc_subject: issuer and subject, pinned at the first sign-in by OpenID Connect.
alter table users add column password text;
alter table users add column oidc_subject text;
alter table users add column active boolean not null default true;
alter table users add column last_sign_in_at timestamptz;
-- Finds the tenant of an address before one is known, without showing the directory any address.
alter table users add column email_hash bigint not null generated always as (hashtextextended(email, 0)) stored;
create index users_email_hash on users (email_hash);

alter table login_links add column purpose text not null default 'sign_in' check (purpose in ('sign_in', 'password'));

-- session_id names a session to people; only the cookie opens it.
alter table sessions add column session_id uuid not null default gen_random_uuid();
alter table sessions add column user_agent text not null default '';
alter table sessions add column address text not null default '';
alter table sessions add unique (tenant_id, session_id);
create index sessions_user on sessions (tenant_id, user_id);

-- prefix: the beginning of the token, by which people recognise it. A revoked token has expired at that moment.
alter table api_tokens drop constraint api_tokens_scope_check;
alter table api_tokens add check (scope in ('read', 'write', 'admin'));
alter table api_tokens add column prefix text not null default '';
alter table api_tokens add column created_by text not null default '';
alter table api_tokens add column last_used_at timestamptz;
alter table api_tokens add column revoked_at timestamptz;

-- Failed sign-ins by account and address of the caller, kept as a digest: also of accounts that do not exist, so
-- they belong to no tenant. The application reaches them through the functions below only.
create table sign_in_attempts (
  key       bytea primary key check (octet_length(key) = 32),
  began_at  timestamptz not null default now(),
  attempts  integer not null default 1
);
create index sign_in_attempts_began on sign_in_attempts (began_at);

grant select (tenant_id, user_id, email_hash) on users to postroom_directory;
create policy directory_reads on users for select to postroom_directory using (true);
grant select, insert, update, delete on sign_in_attempts to postroom_directory;

create function directory_users(wanted text) returns table (tenant_id uuid, user_id uuid)
  language sql stable security definer set search_path = public, pg_temp as
  $$ select u.tenant_id, u.user_id from users u where u.email_hash = hashtextextended(wanted, 0) $$;

-- Counts an attempt and returns how many there were since the first one of this window.
create function directory_sign_in_attempt(wanted bytea, within interval) returns integer
  language sql volatile security definer set search_path = public, pg_temp as $$
  delete from sign_in_attempts a where a.began_at < now() - within;
  insert into sign_in_attempts as a (key) values (wanted)
    on conflict (key) do update set attempts = a.attempts + 1 returning a.attempts $$;

create function directory_sign_in_succeeded(wanted bytea) returns void
  language sql volatile security definer set search_path = public, pg_temp as
  $$ delete from sign_in_attempts a where a.key = wanted $$;

-- The answers to requests that carried an Idempotency-Key; status is null while the first one is at work.
create table idempotency_keys (
  tenant_id      uuid not null references tenants,
  token_id       uuid not null,
  key            text not null,
  request_sha256 bytea not null check (octet_length(request_sha256) = 32),
  status         integer,
  content_type   text not null default '',
  body           text not null default '',
  created_at     timestamptz not null default now(),
  primary key (tenant_id, token_id, key),
  foreign key (tenant_id, token_id) references api_tokens on delete cascade
);
select protect_tenant_table('idempotency_keys');
create index idempotency_keys_created on idempotency_keys (tenant_id, created_at);

-- The audit log as a hash chain per tenant: each link's hash covers its row and the link before it, so a row that
-- was changed, removed or slipped in later shows. Links hold no content and stay when retention removes old rows.
create index audit_actor on audit (tenant_id, actor, audit_id desc);
create index audit_object on audit (tenant_id, object, audit_id desc);

create table audit_chain (
  tenant_id  uuid not null references tenants,
  position   bigint not null,
  audit_id   bigint not null,
  hash       bytea not null check (octet_length(hash) = 32),
  primary key (tenant_id, position),
  unique (tenant_id, audit_id)
);
select protect_tenant_table('audit_chain');
revoke update, delete on audit_chain from postroom_app;

-- What a link covers of its row; the time as a number, since its text depends on the session's time zone.
create function audit_line(a audit) returns bytea language sql stable set search_path = public, pg_temp as $$
  select convert_to(jsonb_build_array(a.tenant_id, a.audit_id, extract(epoch from a.at), a.actor, a.action, a.object,
                                      a.detail)::text, 'UTF8') $$;

create function chain_audit() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
  last audit_chain;
begin
  -- One link after the other. This runs at the commit, so that nobody waits for longer than that takes.
  perform pg_advisory_xact_lock(hashtextextended('audit/' || new.tenant_id, 0));
  select * into last from audit_chain where tenant_id = new.tenant_id order by position desc limit 1;
  insert into audit_chain (tenant_id, position, audit_id, hash)
  values (new.tenant_id, coalesce(last.position, 0) + 1, new.audit_id,
          sha256(coalesce(last.hash, ''::bytea) || audit_line(new)));
  return null;
end $$;

-- The rows that are there already become the first links; the owner reads all tenants' only without FORCE.
alter table audit no force row level security;
alter table audit_chain no force row level security;
do $$
declare
  a audit;
  last audit_chain;
begin
  for a in select * from audit order by tenant_id, audit_id loop
    select * into last from audit_chain where tenant_id = a.tenant_id order by position desc limit 1;
    insert into audit_chain (tenant_id, position, audit_id, hash)
    values (a.tenant_id, coalesce(last.position, 0) + 1, a.audit_id,
            sha256(coalesce(last.hash, ''::bytea) || audit_line(a)));
  end loop;
end $$;
alter table audit force row level security;
alter table audit_chain force row level security;

create constraint trigger audit_chained after insert on audit deferrable initially deferred
  for each row execute function chain_audit();

do $$
declare f regprocedure;
begin
  grant create on schema public to postroom_directory;
  foreach f in array array['directory_users(text)', 'directory_sign_in_attempt(bytea, interval)',
                           'directory_sign_in_succeeded(bytea)']::regprocedure[]
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to postroom_app', f);
    execute format('alter function %s owner to postroom_directory', f);
  end loop;
  revoke create on schema public from postroom_directory;
end $$;
