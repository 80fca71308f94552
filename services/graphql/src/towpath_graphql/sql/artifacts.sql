-- Artifacts of task runs.

-- name: insert_artifacts
-- New artifacts; one whose id is taken is not made.
insert into task_run_artifact (id, tenant_id, task_run_id, kind, data)
select i.id, i.tenant_id, i.task_run_id, i.kind, i.data
from jsonb_to_recordset(%(rows)s) as i (id uuid, tenant_id uuid, task_run_id uuid, kind text, data jsonb)
on conflict (id) do nothing
returning id;

-- name: artifact_like
-- An artifact that a call like this one has made, and that holds the same still. Three minutes are what Prefect 1's client tries for: its last
-- of 7 attempts begins after 6 time-outs of 15 s and pauses of 62 s, and what is equal later was meant to be another. Of many artifacts only
-- the latest are compared, since each may hold a megabyte; by their time, for an id may be the caller's.
select id from (
    select id, kind, data from task_run_artifact
    where task_run_id = %(task_run_id)s and tenant_id = %(tenant_id)s and created > now() - interval '3 minutes'
    order by created desc, id desc
    limit 20) latest
where kind = %(kind)s and data = %(data)s
order by id
limit 1;

-- name: lock_artifacts
-- Artifacts by id, with the run that they belong to.
select a.id, a.task_run_id, a.kind, t.flow_run_id
from task_run_artifact a join task_run t on t.id = a.task_run_id
where a.id = any(%(ids)s) and a.tenant_id = %(tenant_id)s
order by a.id
for no key update of a;

-- name: update_artifacts
-- Replace what artifacts hold.
update task_run_artifact a set data = i.data, updated = now()
from jsonb_to_recordset(%(rows)s) as i (id uuid, data jsonb)
where a.id = i.id;

-- name: delete_artifacts
delete from task_run_artifact where id = any(%(ids)s);
