-- The latest mail of one mailbox, however silent the mailbox is and however much the others get.
create index emails_mailbox on emails (tenant_id, mailbox_id, seq desc) include (listed_at);
