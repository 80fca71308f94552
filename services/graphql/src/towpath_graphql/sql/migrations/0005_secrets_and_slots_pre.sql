-- Nothing has written to secret, concurrency_limit or concurrency_slot before.

-- Which key a secret is encrypted with is named by the key itself, so that keys can be put into another order.
alter table secret drop column key_version;
alter table secret add column key_id text not null;

-- A slot that has not been acquired is a place in the line for it. It belongs to the run as long as somebody owns the run.
alter table concurrency_limit add column updated timestamptz not null default now();
alter table concurrency_slot drop column fence;
alter table concurrency_slot add column asked timestamptz not null default now();
alter table concurrency_slot alter column acquired drop default;
alter table concurrency_slot alter column acquired drop not null;
create index concurrency_slot_line on concurrency_slot (limit_id, id) where acquired is null;
create index concurrency_slot_by_task_run on concurrency_slot (task_run_id) where task_run_id is not null;
alter table flow_run add column holds_slots boolean not null default false;

-- The limits under Prefect Cloud's names.
create view task_tag_limit as
    select id, tenant_id, created, updated, name as tag, slot_limit as "limit" from concurrency_limit where kind = 'task_tag';
create view flow_concurrency_limit as
    select id, tenant_id, created, updated, name, slot_limit as "limit" from concurrency_limit where kind = 'flow_label';
