-- Artifacts of task runs.

-- name: insert_artifacts
-- New artifacts; one whose id is taken is not made.
insert into task_run_artifact (id, tenant_id, task_run_id, kind, data)
select i.id, i.tenant_id, i.task_run_id, i.kind, i.data
from jsonb_to_recordset(%(rows)s) as i (id uuid, tenant_id uuid, task_run_id uuid, kind text, data jsonb)
on conflict (id) do nothing
returning id;

-- name: artifact_like
-- An artifact that a call like this one has made within the hour, and that holds the same still.
select id from task_run_artifact
where task_run_id = %(task_run_id)s and tenant_id = %(tenant_id)s and kind = %(kind)s and data = %(data)s and created > now() - interval '1 hour'
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
