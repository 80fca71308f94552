-- What the loops ask and propose. Time is the database's.

-- name: schedule_sources
-- Active schedules, a page by id, with what they have scheduled already.
select f.id as flow_id, f.flow_group_id, f.tenant_id, f.name as flow_name, coalesce(g.schedule, f.schedule) as schedule, now() as now,
       coalesce((select jsonb_agg(jsonb_build_object('clock', r.schedule_clock, 'time', r.scheduled_start_time))
                 from flow_run r where r.flow_id = f.id and r.schedule_clock is not null and r.scheduled_start_time > now()), '[]') as upcoming
from flow f join flow_group g on g.id = f.flow_group_id
where f.is_schedule_active and not f.archived and coalesce(g.schedule, f.schedule) is not null
  and (%(after)s::uuid is null or f.id > %(after)s::uuid)
  and (f.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
order by f.id limit %(limit)s;

-- name: share_flows
-- Flows of which runs are to be made; one whose schedule, or whose group, is being changed is waited for.
select id from flow where id = any(%(ids)s) and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) order by id for share;

-- name: schedules_in_force
select f.id, coalesce(g.schedule, f.schedule) as schedule
from flow f join flow_group g on g.id = f.flow_group_id
where f.id = any(%(ids)s) and (f.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
  and f.is_schedule_active and not f.archived and coalesce(g.schedule, f.schedule) is not null;

-- name: answer
-- The write path answers. A gap longer than `gap` seconds closes the reap gate for one lease period from now.
update write_path
set answered_at = now(),
    gate_closed_until = case when answered_at is null or answered_at < now() - make_interval(secs => %(gap)s)
                             then now() + make_interval(secs => %(lease)s) else gate_closed_until end
returning gate_closed_until, gate_closed_until > now() as closed, now() as now;

-- name: expired_leases
-- Owned runs whose lease, or whose time to launch, is over. A lease longer than the common one (Prefect 1's) counts as expired only when
-- the write path has answered for that long since the last gap. Those whose flow's settings forgive silence (`FlowRun.watched`) are not
-- among them.
select r.id as flow_run_id, r.tenant_id, r.fence, r.lease_holder as holder, r.phase, r.heartbeat as last_beat,
       least(r.lease_expires_at, r.launch_deadline) as expired_at
from write_path w, flow_run r join flow_group g on g.id = r.flow_group_id
where r.lease_expires_at is not null and (r.lease_expires_at <= now() or r.launch_deadline <= now())
  and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
  and now() >= w.gate_closed_until + make_interval(secs => greatest(r.lease_seconds - %(lease)s::float8, 0))
  and (r.state = 'Cancelling' or r.launch_deadline is not null
       or not (g.settings @> '{"heartbeat_enabled": false}' or r.phase = 'launching' and g.settings @> '{"lazarus_enabled": false}'))
order by expired_at limit %(limit)s;

-- name: next_expiry
-- When the next lease is over among those that count (see expired_leases).
select min(least(r.lease_expires_at, r.launch_deadline)) as next_expiry
from flow_run r join flow_group g on g.id = r.flow_group_id
where r.lease_expires_at is not null
  and (r.state = 'Cancelling' or r.launch_deadline is not null
       or not (g.settings @> '{"heartbeat_enabled": false}' or r.phase = 'launching' and g.settings @> '{"lazarus_enabled": false}'));

-- name: stranded
-- Neither offered, owned nor waiting, and not ended; but for runs that had begun and whose flow's settings let nobody bring them back.
select r.id as flow_run_id, r.tenant_id, r.state, r.times_resurrected as lives, r.state_timestamp as since
from flow_run r join flow_group g on g.id = r.flow_group_id
where r.due_at is null and r.lease_expires_at is null and r.waiting_for is null and r.end_time is null
  and r.state_timestamp < now() - make_interval(secs => %(age)s)
  and (r.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
  and not (r.state in ('Running', 'Submitted')
           and (g.settings @> '{"heartbeat_enabled": false}' or g.settings @> '{"lazarus_enabled": false}'))
order by r.id limit %(limit)s;

-- name: gate
-- The reap gate for a run whose lease is `more` seconds longer than the common one; closed until the write path has answered at all.
select coalesce(gate_closed_until + make_interval(secs => %(more)s) > now(), true) as closed,
       gate_closed_until + make_interval(secs => %(more)s) as until, now() as now
from write_path;

-- name: active_tasks
-- Running task runs, and those that wait, of the runs being taken from a silent owner.
select t.id, t.tenant_id, t.flow_run_id, t.task_id, k.slug, t.map_index, t.state, t.version, t.attempt, t.serialized_state,
       k.max_retries, coalesce(extract(epoch from k.retry_delay), 0)::float as retry_delay, t.start_time, t.end_time, t.cache_key, t.state_timestamp
from task_run t join task k on k.id = t.task_id
where t.flow_run_id = any(%(flow_run_ids)s) and t.state in ('Running', 'Cancelling', 'Scheduled', 'Paused', 'Resume', 'Retrying', 'Queued')
order by t.id
for no key update of t;
