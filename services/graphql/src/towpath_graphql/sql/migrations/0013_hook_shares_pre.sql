-- What is due is looked for by tenant, and a hook's delivery knows which of its requests have got through.
alter table hook_delivery add column told int[] not null default '{}';
create index hook_delivery_by_tenant on hook_delivery (tenant_id, due_at);
drop index hook_delivery_by_due;
