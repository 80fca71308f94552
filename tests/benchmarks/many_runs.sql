-- A database as it is after a year: a million flow runs with their task runs, written in sets. See many_runs.py.
--
-- Secondary indexes are made after the rows, foreign keys are not checked (the rows point to each other by construction). Runs lie
-- a minute apart and end now, ids are UUIDv7 of that time. Of a thousand runs 910 have succeeded and 60 failed, 29 were cancelled,
-- and one was skipped; which ones has nothing to do with their flow.

-- name: flows
-- A flow of each name in a project and group of its own, and ten tasks of each.
with projects as (
    insert into project (id, tenant_id, name)
    select gen_random_uuid(), %(tenant)s, 'project ' || n from generate_series(1, 20) n
    returning id, name
), groups as (
    insert into flow_group (id, tenant_id, name)
    select gen_random_uuid(), %(tenant)s, 'group ' || n from generate_series(1, %(flows)s) n
    returning id, name
), flows as (
    insert into flow (id, tenant_id, project_id, flow_group_id, name, version, version_group_id, serialized_flow, core_version)
    select gen_random_uuid(), %(tenant)s, p.id, g.id, 'flow ' || n, 1, g.name, '{"tasks": []}', '1.4.1'
    from generate_series(1, %(flows)s) n join groups g on g.name = 'group ' || n join projects p on p.name = 'project ' || n %% 20 + 1
    returning id
)
insert into task (id, tenant_id, flow_id, name, slug, type)
select gen_random_uuid(), %(tenant)s, f.id, 'task ' || n, 'task-' || n || '-1', 'prefect.tasks.core.function.FunctionTask'
from flows f cross join generate_series(1, 10) n;

-- name: flow_runs
with numbered as (
    select row_number() over (order by id) as number, id, flow_group_id from flow where tenant_id = %(tenant)s
), made as (
    select n, now() - (%(flow_runs)s - n) * interval '1 minute' as moment, n::bigint * 7919 %% 1000 as luck from generate_series(1, %(flow_runs)s) n
), rows as (
    select n, moment, case when luck < 910 then 'Success' when luck < 970 then 'Failed' when luck < 999 then 'Cancelled' else 'Skipped' end as state
    from made
)
insert into flow_run (id, tenant_id, flow_id, flow_group_id, created, updated, name, parameters, labels, run_config, scheduled_start_time,
                      auto_scheduled, version, state, state_timestamp, state_message, serialized_state, start_time, end_time)
select overlay(uuid7_floor(r.moment)::text placing '7' || substr(md5(r.n::text), 1, 3) || '-8' || substr(md5(r.n::text), 4, 3) || '-' || substr(md5(r.n::text), 7, 12)
               from 15)::uuid,
       %(tenant)s, f.id, f.flow_group_id, r.moment, r.moment + interval '40 s', 'run ' || substr(md5(r.n::text), 1, 12),
       jsonb_build_object('day', r.moment::date, 'rows', r.n), '["eu", "prod"]',
       '{"type": "LocalRun", "env": {}, "labels": ["eu", "prod"], "working_dir": null, "__version__": "1.4.1"}', r.moment, r.n %% 5 > 0,
       4, r.state, r.moment + interval '40 s', 'All reference tasks succeeded.',
       jsonb_build_object('type', r.state, 'message', 'All reference tasks succeeded.', '_result', '{"type": "NoResultType"}'::jsonb,
                          'context', '{"tags": []}'::jsonb, 'cached_inputs', '{}'::jsonb, '__version__', '1.4.1'),
       r.moment + interval '2 s', r.moment + interval '40 s'
from rows r join numbered f on f.number = r.n %% %(flows)s + 1
order by r.n;

-- name: task_runs
-- The first tasks of each run's flow. A task run's id is that of its run with the number of the task at its end: no two runs share a minute.
with numbered as (
    select id, flow_id, row_number() over (partition by flow_id order by slug) as number from task where tenant_id = %(tenant)s
)
insert into task_run (id, tenant_id, flow_run_id, task_id, created, updated, version, state, state_timestamp, state_message, serialized_state,
                      start_time, end_time)
select overlay(r.id::text placing to_hex(16 + t.number) from 35)::uuid, r.tenant_id, r.id, t.id, r.created, r.end_time, 3, r.state, r.end_time,
       'Task run succeeded.', r.serialized_state, r.start_time, r.end_time
from flow_run r join numbered t on t.flow_id = r.flow_id and t.number <= %(task_runs)s
where r.tenant_id = %(tenant)s
order by r.id;

-- name: secondary_indexes
-- What can be made again after the rows: indexes that hold no row back.
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
from pg_index where indrelid in ('flow_run'::regclass, 'task_run'::regclass) and not indisunique;

-- name: own_flows
-- Every other flow has its code here, so that it is one of Towpath's and not of Prefect 1's.
with code as (
    insert into flow_code (tenant_id, hash, blob) values (%(tenant)s, repeat('0', 64), '') returning hash
)
update flow set code_hash = code.hash from code where split_part(flow.name, ' ', 2)::int %% 2 = 0;

-- name: scheduled_runs
-- Runs in 200 label sets, one of them empty: a place and a pool each, every tenth set a third label. Every other one is due, the others
-- will be within a day; they belong to flows of both kinds, whatever their labels.
with numbered as (
    select row_number() over (order by id) as number, id, flow_group_id from flow where tenant_id = %(tenant)s
), made as (
    select n, n %% 200 as labels, now() + (case when n / 200 %% 2 = 0 then -1 else 1 end) * random() * interval '1 day' as due
    from generate_series(1, %(scheduled)s) n
)
insert into flow_run (id, tenant_id, flow_id, flow_group_id, name, labels, run_config, scheduled_start_time, auto_scheduled, version, state,
                      state_timestamp, state_start_time, serialized_state, due_at)
select gen_random_uuid(), %(tenant)s, f.id, f.flow_group_id, 'run ' || m.n,
       case when m.labels = 0 then '[]'::jsonb when m.labels %% 10 = 0 then jsonb_build_array('gpu', 'place-' || m.labels / 10, 'pool-' || m.labels %% 10)
            else jsonb_build_array('place-' || m.labels / 10, 'pool-' || m.labels %% 10) end,
       '{"type": "LocalRun"}', m.due, true, 1, 'Scheduled', now(), m.due, '{"type": "Scheduled"}', m.due
from made m join numbered f on f.number = m.n / 400 %% %(flows)s + 1;
