-- IMAP listening: one look tells which mailboxes there are and which of them changed; history comes in bounded pieces.

-- Counts the changes after which whoever reads the mailbox has to begin anew. Access tokens that a mailbox refreshes by
-- itself are none.
alter table mailboxes add column revision bigint not null default 1;
grant select (revision) on mailboxes to postroom_directory;

create function next_mailbox_revision() returns trigger language plpgsql as $$
begin
  new.revision := old.revision + 1;
  return new;
end $$;
create trigger mailboxes_revision before update of address, settings, state on mailboxes for each row
  when ((old.address, old.settings, old.state) is distinct from (new.address, new.settings, new.state))
  execute function next_mailbox_revision();

create function directory_listened() returns table (tenant_id uuid, mailbox_id uuid, revision bigint)
  language sql stable security definer set search_path = public, pg_temp as $$
  select m.tenant_id, m.mailbox_id, m.revision from mailboxes m where m.provider = 'imap' and m.state = 'active'
$$;
grant create on schema public to postroom_directory;
revoke all on function directory_listened() from public;
grant execute on function directory_listened() to postroom_app;
alter function directory_listened() owner to postroom_directory;
revoke create on schema public from postroom_directory;

-- What a mailbox has in flight of its history.
create index emails_history_open on emails (tenant_id, mailbox_id) where history and state in ('listed', 'started');

-- A folder that was numbered anew has much that is not known: nothing of it is taken in before a person agrees.
alter table tasks drop constraint tasks_kind_check;
alter table tasks add constraint tasks_kind_check
  check (kind in ('choose_ticket', 'review_sender', 'identify_client', 'missing_defaults', 'repair_message',
                  'release_message', 'reconnect_mailbox', 'confirm_rescan'));
