-- The queue: which offered runs an agent may take, and when the next one is due.
--
-- A queue is a pair of (label set, run config type). The queues that have runs are found by hopping through the index flow_run_offered, one
-- probe a queue, so that a long queue of other agents' runs costs nothing. All runs of a queue come under the same limits on labels; `room` is
-- how many of it may begin (null: any number), so that runs that may not begin hide nothing behind them.

-- name: lock_claimable
-- Due runs for an agent's labels and run config types, oldest first. Rows that another claim has locked are stepped over before the limit
-- counts, so equal agents that ask at the same time all get runs.
with recursive queues (label_key, run_config_type) as (
    (select label_key, run_config_type from flow_run
     where tenant_id = %(tenant_id)s and due_at is not null order by label_key, run_config_type limit 1)
    union all
    select n.label_key, n.run_config_type from queues q cross join lateral (
        select r.label_key, r.run_config_type from flow_run r
        where r.tenant_id = %(tenant_id)s and r.due_at is not null and (r.label_key, r.run_config_type) > (q.label_key, q.run_config_type)
        order by r.label_key, r.run_config_type limit 1
    ) n
), rooms as materialized (
    select l.name, l.slot_limit - (
               select count(*) from concurrency_slot s join flow_run r on r.id = s.flow_run_id
               where s.limit_id = l.id and (s.acquired is not null or s.asked > now() - make_interval(secs => r.lease_seconds / 2))) as room
    from concurrency_limit l where l.tenant_id = %(tenant_id)s and l.kind = 'flow_label'
), mine as (
    select label_key, run_config_type, (select min(r.room) from rooms r where q.label_key::jsonb ? r.name) as room
    from queues q
    where label_key::jsonb <@ %(labels)s::jsonb and (label_key <> '[]' or %(labels)s::jsonb = '[]'::jsonb)
      and run_config_type = any(%(types)s::text[])
)
select c.*, now() as now
from mine m cross join lateral (
    select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence,
           r.times_resurrected as lives, r.start_time, r.end_time, r.due_at, r.waiting_for, r.phase, r.lease_holder, r.lease_expires_at,
           r.lease_seconds, r.launch_deadline, r.labels, r.run_config_type, r.auto_scheduled, r.engine_sequence, r.supervisor_sequence,
           r.state_timestamp, r.parent_flow_run_id, r.scheduled_start_time, r.run_config, r.holds_slots, m.room is not null as label_limits,
           r.trace, f.name as flow_name, f.storage
    from flow_run r join flow f on f.id = r.flow_id
    where r.tenant_id = %(tenant_id)s and r.label_key = m.label_key and r.run_config_type = m.run_config_type and r.due_at <= now()
      and f.code_hash is not null
    order by r.due_at limit greatest(least(%(limit)s::bigint, m.room), 0)
    for no key update of r skip locked
) c
order by c.due_at limit %(limit)s;

-- name: lock_claimable_children
-- One due child of each of these runs, as far as the agent can run it.
select c.*, now() as now
from unnest(%(parents)s::uuid[]) as p (id) cross join lateral (
    select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence,
           r.times_resurrected as lives, r.start_time, r.end_time, r.due_at, r.waiting_for, r.phase, r.lease_holder, r.lease_expires_at,
           r.lease_seconds, r.launch_deadline, r.labels, r.run_config_type, r.auto_scheduled, r.engine_sequence, r.supervisor_sequence,
           r.state_timestamp, r.parent_flow_run_id, r.scheduled_start_time, r.run_config, r.holds_slots,
           exists (select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'flow_label' and r.labels ? l.name) as label_limits,
           r.trace, f.name as flow_name, f.storage
    from flow_run r join flow f on f.id = r.flow_id
    where r.parent_flow_run_id = p.id and r.tenant_id = %(tenant_id)s and r.due_at <= now() and f.code_hash is not null
      and r.labels <@ %(labels)s::jsonb and (r.labels <> '[]'::jsonb or %(labels)s::jsonb = '[]'::jsonb)
      and r.run_config_type = any(%(types)s::text[])
      and not exists (
          select from concurrency_limit l where l.tenant_id = r.tenant_id and l.kind = 'flow_label' and r.labels ? l.name
          and l.slot_limit <= (
              select count(*) from concurrency_slot s join flow_run h on h.id = s.flow_run_id
              where s.limit_id = l.id and (s.acquired is not null or s.asked > now() - make_interval(secs => h.lease_seconds / 2))))
    order by r.due_at limit 1
    for no key update of r skip locked
) c;

-- name: next_due
-- When the next run is due that this agent could take; one that waits for a slot is told of when there is one.
with recursive queues (label_key, run_config_type) as (
    (select label_key, run_config_type from flow_run
     where tenant_id = %(tenant_id)s and due_at is not null order by label_key, run_config_type limit 1)
    union all
    select n.label_key, n.run_config_type from queues q cross join lateral (
        select r.label_key, r.run_config_type from flow_run r
        where r.tenant_id = %(tenant_id)s and r.due_at is not null and (r.label_key, r.run_config_type) > (q.label_key, q.run_config_type)
        order by r.label_key, r.run_config_type limit 1
    ) n
), rooms as materialized (
    select l.name, l.slot_limit - (
               select count(*) from concurrency_slot s join flow_run r on r.id = s.flow_run_id
               where s.limit_id = l.id and (s.acquired is not null or s.asked > now() - make_interval(secs => r.lease_seconds / 2))) as room
    from concurrency_limit l where l.tenant_id = %(tenant_id)s and l.kind = 'flow_label'
), mine as (
    select label_key, run_config_type, (select min(r.room) from rooms r where q.label_key::jsonb ? r.name) as room
    from queues q
    where label_key::jsonb <@ %(labels)s::jsonb and (label_key <> '[]' or %(labels)s::jsonb = '[]'::jsonb)
      and run_config_type = any(%(types)s::text[])
)
select min(c.due_at) as next_due, now() as now
from mine m cross join lateral (
    select r.due_at from flow_run r join flow f on f.id = r.flow_id
    where (m.room is null or m.room > 0) and r.due_at is not null
      and r.tenant_id = %(tenant_id)s and r.label_key = m.label_key and r.run_config_type = m.run_config_type
      and f.code_hash is not null
    order by r.due_at limit 1
) c;

-- name: queued_flow_runs
-- Prefect 1's queue: ids only, nothing is claimed; the agent claims by writing Submitted. A run whose flow need not beat is never missed
-- when its process ends because all that is left waits; so it is handed out, still Running, once one of its task runs is due.
--
-- A look at the front of each queue says how late the last run of the answer is due at most, so that an agent of many queues does not read
-- a whole answer from each of them, and nothing from a queue whose first run is due later. That the agent has asked is noted by the way, and
-- is not worth waiting for the disk: it asks again soon.
with recursive relaxed as (
    select set_config('synchronous_commit', 'off', true)
), asked as (
    update agent set last_queried = now() from relaxed
    where id = %(agent_id)s and (tenant_id = %(agent_tenant_id)s::uuid or %(agent_tenant_id)s::uuid is null)
), queues (label_key, run_config_type, first_due) as (
    (select label_key, run_config_type, due_at from flow_run
     where tenant_id = %(tenant_id)s and due_at is not null order by label_key, run_config_type, due_at limit 1)
    union all
    select n.label_key, n.run_config_type, n.due_at from queues q cross join lateral (
        select r.label_key, r.run_config_type, r.due_at from flow_run r
        where r.tenant_id = %(tenant_id)s and r.due_at is not null and (r.label_key, r.run_config_type) > (q.label_key, q.run_config_type)
        order by r.label_key, r.run_config_type, r.due_at limit 1
    ) n
), rooms as materialized (
    select l.name, l.slot_limit - (
               select count(*) from concurrency_slot s join flow_run r on r.id = s.flow_run_id
               where s.limit_id = l.id and (s.acquired is not null or s.asked > now() - make_interval(secs => r.lease_seconds / 2))) as room
    from concurrency_limit l where l.tenant_id = %(tenant_id)s and l.kind = 'flow_label'
), mine as materialized (
    select label_key, run_config_type, first_due, (select min(r.room) from rooms r where q.label_key::jsonb ? r.name) as room
    from queues q
    where first_due <= coalesce(%(before)s::timestamptz, now())
      and label_key::jsonb <@ %(labels)s::jsonb and (label_key <> '[]' or %(labels)s::jsonb = '[]'::jsonb)
), fronts as (
    select c.due_at from mine m cross join lateral (
        select r.due_at from flow_run r join flow f on f.id = r.flow_id
        where r.tenant_id = %(tenant_id)s and r.label_key = m.label_key and r.run_config_type = m.run_config_type
          and r.due_at <= coalesce(%(before)s::timestamptz, now()) and f.code_hash is null
        order by r.due_at
        limit greatest(least(1 + 2 * %(limit)s::bigint / (select greatest(count(*), 1) from mine), m.room), 0)
    ) c
), latest as materialized (
    select coalesce((select due_at from fronts order by due_at offset %(limit)s::bigint - 1 limit 1), %(before)s::timestamptz, now()) as due_at
), waking as (
    select r.id, min(coalesce(t.state_start_time, t.state_timestamp)) as due_at
    from flow_run r join flow_group g on g.id = r.flow_group_id join flow f on f.id = r.flow_id join task_run t on t.flow_run_id = r.id
    where r.lease_expires_at <= now() and r.tenant_id = %(tenant_id)s and r.state = 'Running'
      and g.settings @> '{"heartbeat_enabled": false}' and f.code_hash is null
      and r.labels <@ %(labels)s::jsonb and (r.labels <> '[]' or %(labels)s::jsonb = '[]'::jsonb)
      and (t.state in ('Scheduled', 'Retrying', 'Queued', 'Resume') or t.state = 'Paused' and t.state_start_time is not null)
      and coalesce(t.state_start_time, t.state_timestamp) <= coalesce(%(before)s::timestamptz, now())
    group by r.id
)
select q.id from (
    select c.id, c.due_at from mine m cross join lateral (
        select r.id, r.due_at from flow_run r join flow f on f.id = r.flow_id
        where r.tenant_id = %(tenant_id)s and r.label_key = m.label_key and r.run_config_type = m.run_config_type
          and r.due_at <= (select due_at from latest) and f.code_hash is null
        order by r.due_at limit greatest(least(%(limit)s::bigint, m.room), 0)
    ) c
    where m.first_due <= (select due_at from latest)
    union all
    select id, due_at from waking
) q
order by q.due_at limit %(limit)s;
