-- SMTP names nothing but an address, so of all tenants one mailbox receives for it. Which addresses others have is asked
-- when a mailbox is added, not by a unique index: its violation would also meet those who had the same one before.

-- The mailbox that receives mail for an address. Should two have it from before, the one that was registered first.
create function directory_smtp_mailbox(wanted text)
  returns table (tenant_id uuid, mailbox_id uuid, provider text, state text)
  language sql stable security definer set search_path = public, pg_temp as $$
  select m.tenant_id, m.mailbox_id, m.provider, m.state from mailboxes m
   where m.address = wanted and m.provider = 'smtp' and m.state not in ('draft', 'removed')
   order by m.mailbox_id limit 1  -- UUIDv7: by time
$$;

-- Whether this mailbox may receive for an address; until the transaction ends, nobody else is told so.
create function directory_claim_smtp(wanted text, claimant uuid) returns boolean
  language plpgsql volatile security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('smtp/' || wanted, 0));
  return not exists (select from mailboxes m where m.address = wanted and m.provider = 'smtp'
                        and m.state not in ('draft', 'removed') and m.mailbox_id <> claimant);
end $$;

do $$
declare f regprocedure;
begin
  grant create on schema public to postroom_directory;
  for f in select p.oid::regprocedure from pg_proc p
            where p.pronamespace = 'public'::regnamespace
              and p.proname in ('directory_smtp_mailbox', 'directory_claim_smtp')
  loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to postroom_app', f);
    execute format('alter function %s owner to postroom_directory', f);
  end loop;
  revoke create on schema public from postroom_directory;
end $$;
