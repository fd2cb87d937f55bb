-- Other names of a client, by which rules recognise it in a mail.
create table client_aliases (
  tenant_id   uuid not null references tenants,
  alias       text not null check (alias = lower(alias) and alias <> ''),
  client_id   uuid not null,
  primary key (tenant_id, alias),
  foreign key (tenant_id, client_id) references clients on delete cascade
);
create index client_aliases_client on client_aliases (tenant_id, client_id);
select protect_tenant_table('client_aliases');
