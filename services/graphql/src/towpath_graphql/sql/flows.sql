-- Flows: registration, versions, schedules, code.

-- name: project_by_name
select id, tenant_id, name from project where tenant_id = %(tenant_id)s and name = %(name)s;

-- name: project_by_id
select id, tenant_id, name from project where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: newest_version_group
-- The version group of the newest flow with this name in this project.
select version_group_id from flow where project_id = %(project_id)s and name = %(name)s order by created desc, version desc limit 1;

-- name: lock_flow_name
-- One registration of a name in a project at a time, while it looks for the name's version group.
select pg_advisory_xact_lock(hashtextextended(%(project_id)s::text || %(name)s::text, 7446202));

-- name: upsert_flow_group
-- One group a version group; locked, so that two registrations of one flow get two versions.
insert into flow_group (id, tenant_id, name, settings)
values (%(id)s, %(tenant_id)s, %(name)s, '{"heartbeat_enabled": true, "lazarus_enabled": true, "version_locking_enabled": true}')
on conflict (tenant_id, name) do update set updated = now()
returning id, settings, schedule, default_parameters, labels, run_config;

-- name: flow_by_idempotency_key
-- The newest flow of a group that is not archived, if the group's last key is this one.
select f.id, f.version from flow f join flow_group g on g.id = f.flow_group_id
where g.id = %(flow_group_id)s and g.settings ->> 'idempotency_key' = %(key)s and not f.archived
order by f.version desc limit 1;

-- name: remember_idempotency_key
update flow_group set settings = settings || jsonb_build_object('idempotency_key', %(key)s::text), updated = now() where id = %(id)s;

-- name: insert_flow
insert into flow (id, tenant_id, project_id, flow_group_id, name, version, version_group_id, description, environment, run_config, storage,
                  parameters, serialized_flow, schedule, core_version, settings, code_hash, code_signature, code_key_id, code_info)
select %(id)s, %(tenant_id)s, %(project_id)s, %(flow_group_id)s, %(name)s,
       coalesce((select max(version) from flow where flow_group_id = %(flow_group_id)s), 0) + 1, %(version_group_id)s, %(description)s,
       %(environment)s, %(run_config)s, %(storage)s, %(parameters)s, %(serialized_flow)s, %(schedule)s, %(core_version)s, %(settings)s,
       %(code_hash)s, %(code_signature)s, %(code_key_id)s, %(code_info)s
returning id, version;

-- name: insert_flow_code
insert into flow_code (tenant_id, hash, blob) values (%(tenant_id)s, %(hash)s, %(blob)s) on conflict do nothing;

-- name: insert_tasks
-- Tasks of a flow; one that is there already stays as it is.
insert into task (id, tenant_id, flow_id, name, slug, description, type, max_retries, retry_delay, trigger, auto_generated, cache_key, tags)
select i.id, %(tenant_id)s, %(flow_id)s, i.name, i.slug, i.description, i.type, i.max_retries,
       case when i.retry_delay is null then null else make_interval(secs => i.retry_delay) end, i.trigger, i.auto_generated, i.cache_key, i.tags
from jsonb_to_recordset(%(rows)s) as i (
    id uuid, name text, slug text, description text, type text, max_retries int, retry_delay float8, trigger text, auto_generated boolean,
    cache_key text, tags jsonb)
on conflict (flow_id, slug) do nothing
returning id, slug;

-- name: insert_edges
-- Edges by the slugs of their ends; returns how many of the wanted ones have both ends.
with wanted as (
    select i.*, u.id as up_id, d.id as down_id
    from jsonb_to_recordset(%(rows)s) as i (id uuid, upstream text, downstream text, key text, mapped boolean)
    left join task u on u.flow_id = %(flow_id)s and u.slug = i.upstream
    left join task d on d.flow_id = %(flow_id)s and d.slug = i.downstream
), made as (
    insert into edge (id, tenant_id, flow_id, upstream_task_id, downstream_task_id, key, mapped)
    select id, %(tenant_id)s, %(flow_id)s, up_id, down_id, key, coalesce(mapped, false)
    from wanted where up_id is not null and down_id is not null
    on conflict do nothing returning 1
)
select upstream, downstream, up_id is null as no_upstream from wanted where up_id is null or down_id is null limit 1;

-- name: mark_tasks
-- What the edges say of the tasks: mapped by an edge into it, root without one, terminal without one out of it. Reference tasks are those
-- that the flow names, else the terminal ones. Clients send tasks and edges in parts, so it is told anew after each part.
with refs as (
    select jsonb_path_query(serialized_flow, '$.reference_tasks[*].slug') #>> '{}' as slug from flow where id = %(flow_id)s
), above as (
    select downstream_task_id as id, bool_or(mapped) as mapped from edge where flow_id = %(flow_id)s group by downstream_task_id
), below as (
    select distinct upstream_task_id as id from edge where flow_id = %(flow_id)s
), told as (
    select k.id, coalesce(a.mapped, false) as mapped, a.id is null as root, b.id is null as terminal,
           case when exists (select 1 from refs) then k.slug in (select slug from refs) else b.id is null end as reference
    from task k left join above a on a.id = k.id left join below b on b.id = k.id
    where k.flow_id = %(flow_id)s
)
update task t set mapped = w.mapped, is_root_task = w.root, is_terminal_task = w.terminal, is_reference_task = w.reference
from told w
where t.id = w.id and (t.mapped, t.is_root_task, t.is_terminal_task, t.is_reference_task) is distinct from
                      (w.mapped, w.root, w.terminal, w.reference);

-- name: append_serialized_tasks
update flow set serialized_flow = jsonb_set(serialized_flow, '{tasks}', coalesce(serialized_flow -> 'tasks', '[]'::jsonb) || %(tasks)s::jsonb),
                updated = now()
where id = %(id)s;

-- name: insert_flow_clocks
insert into flow_clock (flow_id, tenant_id, key, position, spec)
select %(flow_id)s, %(tenant_id)s, i.key, i.position, i.spec
from jsonb_to_recordset(%(rows)s) as i (key text, position int, spec jsonb)
on conflict (flow_id, key) do nothing;

-- name: lock_flow
-- A flow with its group, for registration steps and runs.
select f.id, f.tenant_id, f.project_id, f.flow_group_id, f.name, f.version, f.version_group_id, f.run_config, f.parameters, f.schedule,
       f.is_schedule_active, f.archived, f.code_hash, f.serialized_flow -> 'environment' as environment, g.labels as group_labels,
       g.run_config as group_run_config, g.schedule as group_schedule, g.default_parameters
from flow f join flow_group g on g.id = f.flow_group_id
where f.id = %(id)s and (f.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
for no key update of f;

-- name: flows_for_runs
-- Flows, by id or as the newest of a version group, with everything that a new run takes from them. Shared locks: a flow that is being
-- archived, deleted or unscheduled is waited for, and none of that happens between this look and the run's creation.
with wanted as (
    select unnest(%(ids)s::uuid[]) as id
    union
    select n.id from unnest(%(version_groups)s::text[]) as v (name) cross join lateral (
        select x.id from flow x
        where x.version_group_id = v.name and not x.archived and (x.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
        order by x.version desc limit 1
    ) n
)
select f.is_schedule_active, f.id, f.tenant_id, f.flow_group_id, f.name, f.version, f.version_group_id, f.run_config, f.parameters, f.archived,
       g.labels as group_labels, g.run_config as group_run_config, g.default_parameters, f.serialized_flow -> 'environment' as environment,
       now() as now
from wanted w join flow f on f.id = w.id join flow_group g on g.id = f.flow_group_id
where (f.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
order by f.id
for share of f;

-- name: archive_older_flows
-- All other versions of the group, once a new one is there.
update flow set archived = true, is_schedule_active = false, updated = now()
where flow_group_id = %(flow_group_id)s and id <> %(keep)s and not archived
returning id;

-- name: archive_flow
update flow set archived = true, is_schedule_active = false, updated = now() where id = %(id)s returning id, flow_group_id;

-- name: delete_flow
delete from flow where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: lock_flows_to_delete
select id from flow where id = any(%(ids)s) order by id for update;

-- name: lock_runs_to_delete
select id from flow_run where flow_id = any(%(flow_ids)s) order by id for update;

-- name: delete_flow_history
-- History and logs of all runs of flows: no foreign keys lead from the partitioned tables, so they are deleted by hand.
with states as (delete from flow_run_state where flow_run_id in (select id from flow_run where flow_id = any(%(flow_ids)s))),
     task_states as (delete from task_run_state where task_run_id in (
         select t.id from task_run t join flow_run r on r.id = t.flow_run_id where r.flow_id = any(%(flow_ids)s)))
delete from log where flow_run_id in (select id from flow_run where flow_id = any(%(flow_ids)s));

-- name: delete_upcoming_runs
-- Runs that a schedule made and nobody has taken yet, all or those that are scheduled later than `after`; locked in the order of their
-- ids, as everywhere.
with doomed as (
    select id from flow_run where flow_id = any(%(flow_ids)s) and auto_scheduled and due_at is not null and version = 1
      and (%(after)s::timestamptz is null or scheduled_start_time > %(after)s::timestamptz)
    order by id for update
), gone as (
    delete from flow_run where id in (select id from doomed) returning id
)
delete from flow_run_state where flow_run_id in (select id from gone);

-- name: waiting_runs_of_flows
-- Scheduled runs that people made; they are cancelled when their flow is archived.
select id from flow_run
where flow_id = any(%(flow_ids)s) and state in ('Scheduled', 'Paused', 'Resume', 'Retrying', 'Queued') and end_time is null
  and lease_expires_at is null
order by id;

-- name: set_schedule
update flow set is_schedule_active = %(active)s, updated = now() where id = %(id)s;

-- name: flow_code
select f.code_hash, f.code_signature, f.code_key_id, f.code_info, c.blob, k.public_key
from flow f
join flow_code c on c.tenant_id = f.tenant_id and c.hash = f.code_hash
left join signing_key k on k.tenant_id = f.tenant_id and k.key_id = f.code_key_id
where f.id = %(id)s and (f.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: insert_signing_key
insert into signing_key (tenant_id, key_id, name, public_key) values (%(tenant_id)s, %(key_id)s, %(name)s, %(public_key)s)
on conflict do nothing;
