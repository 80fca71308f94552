-- The outbox: written in the transaction of the change, published by the relay.

-- name: write_events
-- Into the outbox; and into the lasting record, except for the two kinds that have tables of their own.
with rows as (
    select * from jsonb_to_recordset(%(rows)s) as i (id uuid, tenant_id uuid, type text, entity_id uuid, data jsonb, trace text)
), kept as (
    insert into event (id, tenant_id, type, entity_id, data)
    select id, tenant_id, type, entity_id, data from rows where type not in ('task_run.states', 'log.written', 'flow_run.offered')
)
insert into outbox (id, tenant_id, type, entity_id, data, trace) select id, tenant_id, type, entity_id, data, trace from rows;

-- name: take_outbox
-- The next rows to publish, their data as text: nobody here looks into them. They are gone when the transaction commits, and back when publishing failed.
delete from outbox where id in (select id from outbox order by id limit %(limit)s for update skip locked)
returning id, tenant_id, occurred_at, type, entity_id, data::text as data, trace, now() as now;

-- name: drop_stale_outbox
-- What nobody will publish any more: hints older than `age` seconds.
delete from outbox where occurred_at < now() - make_interval(secs => %(age)s);

-- name: ensure_partitions
select ensure_partitions(%(weeks)s) as made;

-- name: default_rows
-- Rows that no weekly partition took: should be none.
select (select count(*) from log_default) + (select count(*) from flow_run_state_default) + (select count(*) from task_run_state_default)
     + (select count(*) from event_default) + (select count(*) from outbox_default) as rows;

-- name: now
select now() as now;
