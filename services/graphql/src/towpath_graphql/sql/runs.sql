-- Runs: lock them, read them for a decision, store what was decided. Every statement works on a set.

-- name: lock_flow_runs
-- Flow runs by id, locked in the order of their ids so that two batches never wait for each other in a circle.
select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence,
       r.times_resurrected as lives, r.start_time, r.end_time, r.due_at, r.waiting_for, r.phase, r.lease_holder, r.lease_expires_at,
       r.lease_seconds, r.launch_deadline, r.labels, r.run_config_type, r.auto_scheduled, r.engine_sequence, r.supervisor_sequence, r.state_timestamp,
       r.parent_flow_run_id, r.holds_slots,
       exists (select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'task_tag') as tag_limits,
       exists (select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'flow_label' and r.labels ? l.name) as label_limits,
       not g.settings @> '{"heartbeat_enabled": false}' as heartbeat_enabled, not g.settings @> '{"lazarus_enabled": false}' as lazarus_enabled,
       now() as now
from flow_run r join flow_group g on g.id = r.flow_group_id
where r.id = any(%(ids)s) and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
order by r.id
for no key update of r;

-- name: lock_task_runs_with_flow_runs
-- Task runs by id with the flow runs they belong to, and further flow runs by id: as lock_flow_runs and then lock_task_runs lock and show them,
-- in one way to the database. A row is a flow run with one of the task runs, whose columns begin with t_, or with none.
with flows as materialized (
    select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence,
           r.times_resurrected as lives, r.start_time, r.end_time, r.due_at, r.waiting_for, r.phase, r.lease_holder, r.lease_expires_at,
           r.lease_seconds, r.launch_deadline, r.labels, r.run_config_type, r.auto_scheduled, r.engine_sequence, r.supervisor_sequence,
           r.state_timestamp, r.parent_flow_run_id, r.holds_slots,
           exists (select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'task_tag') as tag_limits,
           exists (select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'flow_label' and r.labels ? l.name) as label_limits,
           not g.settings @> '{"heartbeat_enabled": false}' as heartbeat_enabled, not g.settings @> '{"lazarus_enabled": false}' as lazarus_enabled,
           now() as now
    from flow_run r join flow_group g on g.id = r.flow_group_id
    where r.id = any(array(select unnest(%(ids)s::uuid[]) union select flow_run_id from task_run where id = any(%(task_run_ids)s)))
      and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
    order by r.id
    for no key update of r
), tasks as materialized (
    -- the flow runs are named in an array, so all of them are locked before the first task run is
    select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
           k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key,
           t.state_timestamp
    from task_run t join task k on k.id = t.task_id
    where t.id = any(%(task_run_ids)s) and t.flow_run_id = any(array(select id from flows))
      and (t.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
    order by t.id
    for no key update of t
)
select f.*, t.id as t_id, t.tenant_id as t_tenant_id, t.flow_run_id as t_flow_run_id, t.task_id as t_task_id, t.slug as t_slug,
       t.map_index as t_map_index, t.state as t_state, t.version as t_version, t.attempt as t_attempt, t.serialized_state as t_serialized_state,
       t.max_retries as t_max_retries, t.retry_delay as t_retry_delay, t.start_time as t_start_time, t.end_time as t_end_time,
       t.cache_key as t_cache_key, t.state_timestamp as t_state_timestamp
from flows f left join tasks t on t.flow_run_id = f.id
order by f.id, t.id;

-- name: task_runs_with_flow_runs
-- Task runs by id with what a decision on them needs of the flow runs they belong to, named as in lock_task_runs_with_flow_runs and not locked:
-- for decisions that store_task_runs stores only if nothing has moved since.
select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence, r.waiting_for, r.phase,
       r.labels, r.holds_slots,
       exists (select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'task_tag') as tag_limits, now() as now,
       t.id as t_id, t.tenant_id as t_tenant_id, t.flow_run_id as t_flow_run_id, t.task_id as t_task_id, k.slug as t_slug,
       t.map_index as t_map_index, t.state as t_state, t.version as t_version, t.attempt as t_attempt, t.serialized_state as t_serialized_state,
       k.max_retries as t_max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as t_retry_delay, t.start_time as t_start_time,
       t.end_time as t_end_time, t.cache_key as t_cache_key, t.state_timestamp as t_state_timestamp
from task_run t join task k on k.id = t.task_id join flow_run r on r.id = t.flow_run_id
where t.id = any(%(ids)s) and (t.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
order by r.id, t.id;

-- name: lock_descendants
-- What is to be cancelled with these runs: their open children, and theirs, as far as each was made to be cancelled with its parent.
with recursive below (id) as (
    select c.id from flow_run c where c.parent_flow_run_id = any(%(ids)s) and c.cancel_with_parent
    union
    select c.id from below b join flow_run c on c.parent_flow_run_id = b.id and c.cancel_with_parent
)
select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence,
       r.times_resurrected as lives, r.start_time, r.end_time, r.due_at, r.waiting_for, r.phase, r.lease_holder, r.lease_expires_at,
       r.lease_seconds, r.launch_deadline, r.labels, r.run_config_type, r.auto_scheduled, r.engine_sequence, r.supervisor_sequence, r.state_timestamp,
       r.parent_flow_run_id, r.holds_slots,
       not g.settings @> '{"heartbeat_enabled": false}' as heartbeat_enabled, not g.settings @> '{"lazarus_enabled": false}' as lazarus_enabled
from flow_run r join flow_group g on g.id = r.flow_group_id
where r.id in (select id from below) and r.end_time is null and r.state <> 'Cancelling'
order by r.id
for no key update of r;

-- name: parents_of_new_runs
-- Runs that create others. Share-locked: a cancellation of one waits for the creation and then finds the child, or is seen here.
select r.id, r.tenant_id, r.flow_id, r.name, r.state from flow_run r
where r.id = any(%(ids)s) and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
order by r.id
for share;

-- name: tasks_by_slug
-- Tasks by their flow and slug.
select k.id, k.flow_id, k.slug
from unnest(%(flow_ids)s::uuid[], %(slugs)s::text[]) as w (flow_id, slug)
join task k on k.flow_id = w.flow_id and k.slug = w.slug;

-- name: lock_task_runs
-- Task runs by id with what their task says about retries.
select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
       k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key, t.state_timestamp
from task_run t join task k on k.id = t.task_id
where t.id = any(%(ids)s) and (t.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
  and (t.flow_run_id = %(flow_run_id)s::uuid or %(flow_run_id)s::uuid is null)
order by t.id
for no key update of t;

-- name: lock_task_runs_by_slug
-- Task runs of one flow run by (slug, map index), as reports of native engines name them.
select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
       k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key, t.state_timestamp
from unnest(%(slugs)s::text[], %(map_indexes)s::int[]) as wanted (slug, map_index)
join task k on k.flow_id = %(flow_id)s and k.slug = wanted.slug
join task_run t on t.flow_run_id = %(flow_run_id)s and t.task_id = k.id and t.map_index = wanted.map_index
order by t.id
for no key update of t;

-- name: lock_unfinished_task_runs
-- What is still open in these flow runs.
select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
       k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key, t.state_timestamp
from task_run t join task k on k.id = t.task_id
where t.flow_run_id = any(%(flow_run_ids)s) and t.end_time is null
order by t.id
for no key update of t;

-- name: lock_paused_task_runs
-- What a person lets go on together with its flow run: task runs that are paused without an end of their own.
select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
       k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key, t.state_timestamp
from task_run t join task k on k.id = t.task_id
where t.flow_run_id = any(%(flow_run_ids)s) and t.state = 'Paused' and t.state_start_time is null
order by t.id
for no key update of t;

-- name: lock_failed_task_runs
-- What a restart runs again: task runs that failed, were cancelled, or never began.
select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
       k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key, t.state_timestamp
from task_run t join task k on k.id = t.task_id
where t.flow_run_id = %(flow_run_id)s and t.state in ('Failed', 'TimedOut', 'TriggerFailed', 'ValidationFailed', 'Cancelled')
order by t.id
for no key update of t;

-- name: tasks_of_flow
-- The tasks of a flow by slug.
select k.id, k.slug, k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, k.cache_key
from task k where k.flow_id = %(flow_id)s;

-- name: flow_of_task_runs
-- Which flow runs these task runs belong to, without locking anything.
select distinct flow_run_id from task_run
where id = any(%(ids)s) and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: native_flow_runs
-- Which of these flow runs have signed code, which Towpath's own agents alone can run.
select r.id from flow_run r join flow f on f.id = r.flow_id
where r.id = any(%(ids)s) and f.code_hash is not null and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: store_flow_runs
-- Write decided rows back. The guard repeats what the decision saw: id, version and fence; a row that moved meanwhile is not returned.
update flow_run r
set version = i.version, attempt = i.attempt, state = i.state, state_timestamp = i.state_timestamp, state_message = i.serialized_state ->> 'message',
    state_result = i.serialized_state -> '_result', state_start_time = i.state_start_time, serialized_state = i.serialized_state,
    start_time = i.start_time, end_time = i.end_time, times_resurrected = i.lives, due_at = i.due_at, waiting_for = i.waiting_for,
    phase = i.phase, lease_holder = i.lease_holder, lease_expires_at = i.lease_expires_at, lease_seconds = i.lease_seconds,
    launch_deadline = i.launch_deadline, fence = i.fence, engine_sequence = i.engine_sequence,
    supervisor_sequence = i.supervisor_sequence, holds_slots = i.holds_slots,
    agent_id = coalesce((select a.id from agent a where a.id = i.agent_id and a.tenant_id = r.tenant_id), r.agent_id),
    heartbeat = case when i.beat then now() else r.heartbeat end,
    updated = now()
from jsonb_to_recordset(%(rows)s) as i (
    id uuid, expected_version int, expected_fence int, version int, attempt int, state text, state_timestamp timestamptz, state_start_time timestamptz,
    serialized_state jsonb, start_time timestamptz, end_time timestamptz, lives int, due_at timestamptz, waiting_for text, phase text,
    lease_holder text, lease_expires_at timestamptz, lease_seconds float8, launch_deadline timestamptz, fence int, engine_sequence int,
    supervisor_sequence int, holds_slots boolean, agent_id uuid, beat boolean)
where r.id = i.id and r.version = i.expected_version and r.fence = i.expected_fence
returning r.id;

-- name: store_task_runs
-- As store_flow_runs, for task runs that exist; with the history rows of these and others, and the events of
-- the transaction so far (see write_events). All of it or, when one of the task runs, or of the flow runs that were seen, is not what it
-- was, none; so it can also stand alone, after a look without locks. Locked as everywhere: flow runs by id, then task runs by id.
with unmoved_flows as materialized (
    select r.id
    from flow_run r join jsonb_to_recordset(%(seen)s) as i (id uuid, version int, fence int, holds_slots boolean)
        on r.id = i.id and r.version = i.version and r.fence = i.fence and r.holds_slots = i.holds_slots
    order by r.id
    for no key update of r
), unmoved as materialized (
    select t.id from task_run t join jsonb_to_recordset(%(rows)s) as i (id uuid, expected_version int) on t.id = i.id and t.version = i.expected_version
    where (select count(*) from unmoved_flows) = jsonb_array_length(%(seen)s)
    order by t.id
    for no key update of t
), granted as materialized (
    select from (select count(*) as number from unmoved) u where u.number = jsonb_array_length(%(rows)s)
), changed as (
    update task_run t
    set version = i.version, attempt = i.attempt, state = i.state, state_timestamp = i.state_timestamp,
        state_message = i.serialized_state ->> 'message', state_result = i.serialized_state -> '_result', state_start_time = i.state_start_time,
        serialized_state = i.serialized_state, start_time = i.start_time, end_time = i.end_time, updated = now(),
        heartbeat = case when i.state = 'Running' then now() else t.heartbeat end
    from jsonb_to_recordset(%(rows)s) as i (
        id uuid, expected_version int, version int, attempt int, state text, state_timestamp timestamptz, state_start_time timestamptz,
        serialized_state jsonb, start_time timestamptz, end_time timestamptz)
    where t.id = i.id and t.version = i.expected_version and exists (select from granted)
    returning t.id
), history as (
    insert into task_run_state (id, tenant_id, task_run_id, timestamp, state, message, result, start_time, version, attempt, fence, actor,
                                serialized_state)
    select i.id, i.tenant_id, i.run_id, i.timestamp, i.state, i.serialized_state ->> 'message', i.serialized_state -> '_result',
           i.state_start_time, i.version, i.attempt, i.fence, i.actor, i.serialized_state
    from jsonb_to_recordset(%(history)s) as i (
        id uuid, tenant_id uuid, run_id uuid, timestamp timestamptz, state text, state_start_time timestamptz, version int, attempt int,
        fence int, actor text, serialized_state jsonb)
    where exists (select from granted)
), told as (
    select * from jsonb_to_recordset(%(events)s) as i (id uuid, tenant_id uuid, type text, entity_id uuid, data jsonb, trace text)
    where exists (select from granted)
), kept as (
    insert into event (id, tenant_id, type, entity_id, data)
    select id, tenant_id, type, entity_id, data from told where type not in ('task_run.states', 'log.written', 'flow_run.offered')
), sent as (
    insert into outbox (id, tenant_id, type, entity_id, data, trace) select id, tenant_id, type, entity_id, data, trace from told
)
select id from changed;

-- name: insert_task_runs
-- Task runs that are made by their first report or by a flow run's creation.
insert into task_run (id, tenant_id, flow_run_id, task_id, map_index, cache_key, version, attempt, state, state_timestamp, state_message,
                      state_result, state_start_time, serialized_state, start_time, end_time, heartbeat)
select i.id, i.tenant_id, i.flow_run_id, i.task_id, i.map_index, i.cache_key, i.version, i.attempt, i.state,
       coalesce(i.state_timestamp, now()), i.serialized_state ->> 'message', i.serialized_state -> '_result', i.state_start_time,
       i.serialized_state, i.start_time, i.end_time, case when i.state = 'Running' then now() end
from jsonb_to_recordset(%(rows)s) as i (
    id uuid, tenant_id uuid, flow_run_id uuid, task_id uuid, map_index int, cache_key text, version int, attempt int, state text,
    state_timestamp timestamptz, state_start_time timestamptz, serialized_state jsonb, start_time timestamptz, end_time timestamptz)
on conflict (flow_run_id, task_id, map_index) do nothing
returning id;

-- name: append_flow_run_states
-- History rows of flow runs.
insert into flow_run_state (id, tenant_id, flow_run_id, timestamp, state, message, result, start_time, version, attempt, fence, actor,
                            serialized_state)
select i.id, i.tenant_id, i.run_id, i.timestamp, i.state, i.serialized_state ->> 'message', i.serialized_state -> '_result',
       i.state_start_time, i.version, i.attempt, i.fence, i.actor, i.serialized_state
from jsonb_to_recordset(%(rows)s) as i (
    id uuid, tenant_id uuid, run_id uuid, timestamp timestamptz, state text, state_start_time timestamptz, version int, attempt int,
    fence int, actor text, serialized_state jsonb);

-- name: insert_logs
-- Log rows; ids are made on receipt, the timestamp is the writer's.
insert into log (id, tenant_id, flow_run_id, task_run_id, timestamp, name, level, message, info)
select i.id, i.tenant_id, i.flow_run_id, i.task_run_id, coalesce(i.timestamp, now()), i.name, coalesce(i.level, 'INFO'), i.message, i.info
from jsonb_to_recordset(%(rows)s) as i (
    id uuid, tenant_id uuid, flow_run_id uuid, task_run_id uuid, timestamp timestamptz, name text, level text, message text, info jsonb);

-- name: insert_logs_once
-- The same for calls that are sent again when their answer was not heard: a line that is there since an hour at most is left out. One without a
-- time of its own cannot be told from another. The hour: Prefect 1's client keeps what it could not send, and sends it again with what comes
-- later, until its process ends; a line carries its time in microseconds, so that an equal one is hardly ever meant.
insert into log (id, tenant_id, flow_run_id, task_run_id, timestamp, name, level, message, info)
select i.id, i.tenant_id, i.flow_run_id, i.task_run_id, coalesce(i.timestamp, now()), i.name, coalesce(i.level, 'INFO'), i.message, i.info
from jsonb_to_recordset(%(rows)s) as i (
    id uuid, tenant_id uuid, flow_run_id uuid, task_run_id uuid, timestamp timestamptz, name text, level text, message text, info jsonb)
left join lateral (
    select true as found from log l
    where l.flow_run_id = i.flow_run_id and l.timestamp = i.timestamp and l.id >= uuid7_floor(now() - interval '1 hour')
        and (l.task_run_id, l.name, l.level, l.message) is not distinct from (i.task_run_id, i.name, coalesce(i.level, 'INFO'), i.message)
    limit 1) earlier on true -- the limit keeps it a look-up for each line
where earlier.found is null
returning id;

-- name: lock_replays
-- One call at a time that looks for what an earlier one like it has stored in these runs. By itself, before the look: a statement does not see
-- what was committed while it waited. In the order of the keys, so that two calls never wait for each other.
select pg_advisory_xact_lock(key)
from (select distinct hashtextextended(id::text, 7446203) as key from unnest(%(ids)s::uuid[]) as i (id) order by key) keys;

-- name: insert_flow_runs
-- New flow runs with their task runs and their first history rows; one whose idempotency key or schedule slot is taken is not made and not
-- returned. A task run's id is a UUIDv7 of its flow run's millisecond: then the number of its task, then a hash of both, so that the ids of
-- a flow with many tasks need not be sent.
with given as (
    select i.* from jsonb_to_recordset(%(rows)s) as i (
        id uuid, tenant_id uuid, flow_id uuid, flow_group_id uuid, name text, parameters jsonb, context jsonb, labels jsonb, run_config jsonb,
        scheduled_start_time timestamptz, auto_scheduled boolean, schedule_clock text, idempotency_key text, parent_flow_run_id uuid,
        parent_task_id uuid, parent_map_index int, cancel_with_parent boolean, serialized_state jsonb, state_id uuid, trace text)
), made as (
    insert into flow_run (id, tenant_id, flow_id, flow_group_id, name, parameters, context, labels, run_config, scheduled_start_time,
                          auto_scheduled, schedule_clock, idempotency_key, parent_flow_run_id, parent_task_id, parent_map_index,
                          cancel_with_parent, version, attempt, state, state_timestamp, state_message, state_start_time, serialized_state,
                          due_at, trace)
    select i.id, i.tenant_id, i.flow_id, i.flow_group_id, i.name, i.parameters, i.context, i.labels, i.run_config, i.scheduled_start_time,
           i.auto_scheduled, i.schedule_clock, i.idempotency_key, i.parent_flow_run_id, i.parent_task_id, i.parent_map_index,
           coalesce(i.cancel_with_parent, false), 1, 1, 'Scheduled', now(), i.serialized_state ->> 'message',
           i.scheduled_start_time, i.serialized_state, i.scheduled_start_time, i.trace
    from given i
    on conflict do nothing
    returning id
), history as (
    insert into flow_run_state (id, tenant_id, flow_run_id, timestamp, state, message, result, start_time, version, attempt, fence, actor,
                                serialized_state)
    select i.state_id, i.tenant_id, i.id, now(), 'Scheduled', i.serialized_state ->> 'message', i.serialized_state -> '_result',
           i.scheduled_start_time, 1, 1, 0, %(actor)s, i.serialized_state
    from given i join made m on m.id = i.id
), numbered as (
    select k.flow_id, k.id, k.cache_key, row_number() over (partition by k.flow_id order by k.id) as n
    from task k where k.flow_id = any(array(select flow_id from given))
), task_runs as (
    insert into task_run (id, tenant_id, flow_run_id, task_id, cache_key, state, state_timestamp, state_message, state_result, serialized_state)
    select (left(i.id::text, 15) || lpad(to_hex(k.n & 4095), 3, '0') || '8'
            || left(encode(sha256(convert_to(i.id::text || k.n, 'UTF8')), 'hex'), 15))::uuid,
           i.tenant_id, i.id, k.id, k.cache_key, 'Pending', now(), p.state ->> 'message', p.state -> '_result', p.state
    from given i join made m on m.id = i.id join numbered k on k.flow_id = i.flow_id cross join (select %(pending)s::jsonb as state) p
)
select id from made;

-- name: flow_runs_by_idempotency
-- The runs that already hold these keys.
select r.id, r.flow_id, r.idempotency_key
from unnest(%(flow_ids)s::uuid[], %(keys)s::text[]) as k (flow_id, key)
join flow_run r on r.flow_id = k.flow_id and r.idempotency_key = k.key;

-- name: flow_runs_by_clock
-- The runs that already hold these schedule slots.
select r.id, r.flow_group_id, r.schedule_clock, r.scheduled_start_time
from unnest(%(flow_group_ids)s::uuid[], %(clocks)s::text[], %(times)s::timestamptz[]) as k (flow_group_id, clock, time)
join flow_run r on r.flow_group_id = k.flow_group_id and r.schedule_clock = k.clock and r.scheduled_start_time = k.time;

-- name: flow_run_details
-- Everything that the process of a run needs to know of it.
select r.id, r.name, r.version, r.attempt, r.parameters, r.context, r.scheduled_start_time, r.labels, r.run_config, r.flow_id,
       f.name as flow_name, f.version as flow_version, f.project_id, p.name as project_name, r.tenant_id, r.serialized_state as state,
       f.code_hash, f.code_signature, f.code_key_id, f.code_info, f.storage
from flow_run r join flow f on f.id = r.flow_id join project p on p.id = f.project_id
where r.id = %(id)s;

-- name: task_run_records
-- All task runs of a flow run, as a resumed process needs them.
select t.id, k.slug, t.map_index, t.version, t.attempt, t.serialized_state as state
from task_run t join task k on k.id = t.task_id
where t.flow_run_id = %(flow_run_id)s
order by t.id;

-- name: renew_leases
-- Renew every lease whose fence still matches; says what became of the others.
with wanted as (
    select * from unnest(%(ids)s::uuid[], %(fences)s::int[]) as w (id, fence)
), locked as (  -- in the order of ids, as everywhere
    select r.id from flow_run r join wanted w on w.id = r.id and w.fence = r.fence order by r.id for no key update of r
), renewed as (
    update flow_run r
    set lease_expires_at = now() + make_interval(secs => r.lease_seconds), heartbeat = now()
    from wanted w
    where r.id in (select id from locked) and r.id = w.id and r.fence = w.fence and r.phase is not null and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
      and (r.launch_deadline is null or r.launch_deadline > now())
    returning r.id, r.fence
)
select w.id, w.fence, r.state, r.phase, (w.id, w.fence) in (select id, fence from renewed) as renewed, r.id is not null as found,
       now() + make_interval(secs => r.lease_seconds) as lease_expires_at, r.end_time is not null as ended
from wanted w
left join flow_run r on r.id = w.id and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: beat_prefect1
-- The heartbeat of a Prefect 1 client's run renews the lease that its state writes took. Not while it is being cancelled: its heart is a
-- process of its own that goes on beating when the run's process was killed, and a person who cancels must see an end.
update flow_run r
set heartbeat = now(),
    lease_expires_at = case when r.phase is null then null
                            when r.state = 'Cancelling' then r.lease_expires_at
                            else now() + make_interval(secs => r.lease_seconds) end
where r.id = %(id)s and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
  and (r.lease_seconds is null or r.lease_seconds = %(lease)s)
returning r.id;

-- name: beat_task_run
-- Old Prefect 1 clients beat for task runs.
update task_run set heartbeat = now() where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: task_run_info
select id, version, state, serialized_state, flow_run_id from task_run
where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: task_run_info_by_index
select id, version, state, serialized_state from task_run
where flow_run_id = %(flow_run_id)s and task_id = %(task_id)s and map_index = %(map_index)s
  and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: get_or_create_task_run
-- The task run of a flow run, a task of its flow and an index; made as %(state)s if it is not there. No row: there is no such flow run or
-- task, or another call has made it since this one began.
with known as (
    select id, version, state, serialized_state from task_run
    where flow_run_id = %(flow_run_id)s and task_id = %(task_id)s and map_index = %(map_index)s
      and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
), made as (
    insert into task_run (id, tenant_id, flow_run_id, task_id, map_index, cache_key, version, attempt, state, state_timestamp, state_message,
                          serialized_state)
    select %(id)s, r.tenant_id, r.id, k.id, %(map_index)s, k.cache_key, 0, 1, %(state)s::jsonb ->> 'type', now(),
           %(state)s::jsonb ->> 'message', %(state)s::jsonb
    from flow_run r join task k on k.flow_id = r.flow_id and k.id = %(task_id)s
    where r.id = %(flow_run_id)s and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) and not exists (select from known)
    on conflict (flow_run_id, task_id, map_index) do nothing
    returning id, version, state, serialized_state
)
select * from known union all select * from made;

-- name: mapped_children
-- Counts of the children's states under one mapped task run.
with parent as (
    select flow_run_id, task_id from task_run where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
), children as (
    select c.state, count(*) as n, min(c.start_time) as first_start, max(c.end_time) as last_end
    from task_run c join parent p on c.flow_run_id = p.flow_run_id and c.task_id = p.task_id
    where c.map_index >= 0 group by c.state
)
select min(first_start) as min_start_time, max(last_end) as max_end_time,
       coalesce(jsonb_object_agg(state, n) filter (where state is not null), '{}') as state_counts
from children;

-- name: cached_task_runs
-- Results of earlier runs that a run may take over: by cache key, else by task slug in all versions of its flow. Newest first; of equal inputs one.
-- Of each task's states only the newest are looked at, however long it has been running.
with mine as (
    select tenant_id, flow_group_id from flow_run where id = %(flow_run_id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
), wanted as (
    select position - 1 as task, slug, cache_key, now() - make_interval(secs => seconds) as since
    from unnest(%(slugs)s::text[], %(cache_keys)s::text[], %(seconds)s::float8[]) with ordinality as w (slug, cache_key, seconds, position)
), found as (
    select w.task, t.map_index, t.state_timestamp, t.serialized_state
    from mine m join wanted w on w.cache_key is not null cross join lateral (
        select * from task_run t
        where t.tenant_id = m.tenant_id and t.cache_key = w.cache_key and t.state = 'Cached' and t.state_timestamp >= w.since
        order by t.state_timestamp desc limit %(looked_at)s
    ) t
    union all
    select w.task, t.map_index, t.state_timestamp, t.serialized_state
    from mine m join wanted w on w.cache_key is null
    join flow f on f.flow_group_id = m.flow_group_id join task k on k.flow_id = f.id and k.slug = w.slug and k.cache_key is null
    cross join lateral (
        select * from task_run t where t.task_id = k.id and t.state = 'Cached' and t.state_timestamp >= w.since
        order by t.state_timestamp desc limit %(looked_at)s
    ) t
), newest as (
    select distinct on (task, map_index, serialized_state -> 'hashed_inputs', serialized_state -> 'cached_parameters') *
    from found
    order by task, map_index, serialized_state -> 'hashed_inputs', serialized_state -> 'cached_parameters', state_timestamp desc
)
select task, map_index, serialized_state as state from newest order by state_timestamp desc limit %(limit)s;

-- name: name_task_runs
-- Names that a report gives to its task runs.
update task_run t set name = i.name from jsonb_to_recordset(%(rows)s) as i (id uuid, name text)
where t.id = i.id and t.tenant_id = %(tenant_id)s;

-- name: rename_flow_run
update flow_run set name = %(name)s, updated = now() where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: label_flow_run
update flow_run set labels = %(labels)s, updated = now() where id = %(id)s and tenant_id = %(tenant_id)s;

-- name: rename_task_run
update task_run set name = %(name)s, updated = now() where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: owners_of_task_runs
-- Which flow run each of these task runs belongs to.
select id, flow_run_id from task_run where id = any(%(ids)s) and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: fence_of_flow_run
-- The fence under which a run's token must have been made.
select fence from flow_run where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);

-- name: delete_run_history
-- History and logs of one flow run: no foreign keys lead from the partitioned tables, so they are deleted by hand.
with states as (delete from flow_run_state where flow_run_id = %(id)s),
     task_states as (delete from task_run_state where task_run_id in (select id from task_run where flow_run_id = %(id)s))
delete from log where flow_run_id = %(id)s;

-- name: delete_flow_run
delete from flow_run where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: tenants_of_flow_runs
-- Which of these flow runs exist, and whose they are.
select id, tenant_id from flow_run where id = any(%(ids)s) and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null);
