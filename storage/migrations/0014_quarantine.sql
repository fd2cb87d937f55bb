-- What was discarded or found infected is rare, and is looked for by itself.
create index emails_discarded on emails (tenant_id, seq desc) where outcome = 'discarded';
create index attachments_infected on attachments (tenant_id, email_id) where state = 'infected';
