-- The queue: which offered runs an agent may take, and when the next one is due.

-- name: lock_claimable
-- Due runs for an agent's labels and run config types, oldest first. The distinct label sets are found by hopping through the index
-- flow_run_offered (one probe a set), so a long queue of other agents' runs costs nothing. Locked rows belong to another claim.
with recursive label_sets (label_key) as (
    (select label_key from flow_run where tenant_id = %(tenant_id)s and due_at is not null order by label_key limit 1)
    union all
    select (select r.label_key from flow_run r
            where r.tenant_id = %(tenant_id)s and r.due_at is not null and r.label_key > s.label_key order by r.label_key limit 1)
    from label_sets s where s.label_key is not null
), mine as (
    select label_key from label_sets
    where label_key is not null and label_key::jsonb <@ %(labels)s::jsonb and (label_key <> '[]' or %(labels)s::jsonb = '[]'::jsonb)
), candidates as (
    select c.id, c.due_at from mine m cross join lateral (
        select r.id, r.due_at from flow_run r join flow f on f.id = r.flow_id
        where r.tenant_id = %(tenant_id)s and r.label_key = m.label_key and r.due_at <= now() + make_interval(secs => %(ahead)s)
          and (%(types)s::text[] is null or r.run_config_type = any(%(types)s::text[]))
          and (f.code_hash is not null) = %(native)s
        order by r.due_at limit %(limit)s
    ) c
    order by c.due_at limit %(limit)s
)
select r.id, r.tenant_id, r.flow_id, r.flow_group_id, r.name, r.state, r.version, r.attempt, r.serialized_state, r.fence,
       r.times_resurrected as lives, r.start_time, r.end_time, r.due_at, r.waiting_for, r.phase, r.lease_holder, r.lease_expires_at,
       r.lease_seconds, r.launch_deadline, r.labels, r.run_config_type, r.auto_scheduled, r.engine_sequence, r.supervisor_sequence, r.state_timestamp,
       now() as now, r.scheduled_start_time, r.run_config, f.name as flow_name, f.storage
from flow_run r join flow f on f.id = r.flow_id
where r.id in (select id from candidates) and r.due_at is not null
order by r.id
for no key update of r skip locked;

-- name: next_due
-- When the next run is due that this agent could take.
with recursive label_sets (label_key) as (
    (select label_key from flow_run where tenant_id = %(tenant_id)s and due_at is not null order by label_key limit 1)
    union all
    select (select r.label_key from flow_run r
            where r.tenant_id = %(tenant_id)s and r.due_at is not null and r.label_key > s.label_key order by r.label_key limit 1)
    from label_sets s where s.label_key is not null
)
select min(c.due_at) as next_due, now() as now
from label_sets s cross join lateral (
    select r.due_at from flow_run r join flow f on f.id = r.flow_id
    where r.tenant_id = %(tenant_id)s and r.label_key = s.label_key and r.due_at is not null
      and r.run_config_type = any(%(types)s::text[]) and f.code_hash is not null
    order by r.due_at limit 1
) c
where s.label_key is not null and s.label_key::jsonb <@ %(labels)s::jsonb and (s.label_key <> '[]' or %(labels)s::jsonb = '[]'::jsonb);

-- name: queued_flow_runs
-- Prefect 1's queue: ids only, nothing is claimed; the agent claims by writing Submitted.
with recursive label_sets (label_key) as (
    (select label_key from flow_run where tenant_id = %(tenant_id)s and due_at is not null order by label_key limit 1)
    union all
    select (select r.label_key from flow_run r
            where r.tenant_id = %(tenant_id)s and r.due_at is not null and r.label_key > s.label_key order by r.label_key limit 1)
    from label_sets s where s.label_key is not null
)
select c.id from label_sets s cross join lateral (
    select r.id, r.due_at from flow_run r join flow f on f.id = r.flow_id
    where r.tenant_id = %(tenant_id)s and r.label_key = s.label_key and r.due_at <= coalesce(%(before)s::timestamptz, now())
      and f.code_hash is null
    order by r.due_at limit %(limit)s
) c
where s.label_key is not null and s.label_key::jsonb <@ %(labels)s::jsonb and (s.label_key <> '[]' or %(labels)s::jsonb = '[]'::jsonb)
order by c.due_at limit %(limit)s;
