-- Concurrency limits and their slots. A slot that is not acquired is a place in the line, in the order of ids. Who has not asked for half a
-- lease (native runs ask each second, Prefect 1's each 30 s) holds up nobody behind it, and finds its place again when it asks.

-- name: store_limit
insert into concurrency_limit (id, tenant_id, kind, name, slot_limit) values (%(id)s, %(tenant_id)s, %(kind)s, %(name)s, %(size)s)
on conflict (tenant_id, kind, name) do update set slot_limit = excluded.slot_limit, updated = now()
returning id, id = %(id)s as created;

-- name: delete_limit
-- With it go its slots and its line.
delete from concurrency_limit where id = %(id)s and tenant_id = %(tenant_id)s and kind = %(kind)s returning name;

-- name: lock_owned_under_label
-- Owned flow runs that a new limit on a label counts from now on.
select r.id, null::uuid as task_run_id from flow_run r
where r.tenant_id = %(tenant_id)s and r.lease_expires_at is not null and r.labels ? %(name)s
order by r.id
for no key update;

-- name: lock_owned_under_tag
-- Owned flow runs that have task runs running which a new limit on a tag counts from now on.
select r.id from flow_run r
where r.tenant_id = %(tenant_id)s and r.lease_expires_at is not null
  and exists (select from task k where k.flow_id = r.flow_id and k.tags ? %(name)s)
order by r.id
for no key update;

-- name: running_under_tag
select t.flow_run_id as id, t.id as task_run_id from task_run t join task k on k.id = t.task_id
where t.flow_run_id = any(%(ids)s) and t.state in ('Running', 'Cancelling', 'Looped') and k.tags ? %(name)s
order by t.id
for no key update of t;

-- name: count_as_held
-- What runs already when a limit is made holds a slot of it, however many they are.
with held as (
    select * from unnest(%(ids)s::uuid[], %(flow_run_ids)s::uuid[], %(task_run_ids)s::uuid[]) as h (id, flow_run_id, task_run_id)
), marked as (
    update flow_run set holds_slots = true where id in (select flow_run_id from held)
)
insert into concurrency_slot (id, tenant_id, limit_id, flow_run_id, task_run_id, acquired)
select id, %(tenant_id)s, %(limit_id)s, flow_run_id, task_run_id, now() from held
on conflict do nothing;

-- name: limits_of_runs
-- Which limits these tasks, by their tags, and these flow runs, by their labels, come under.
select k.id as of, c.id as limit_id
from task k join concurrency_limit c on c.tenant_id = k.tenant_id and c.kind = 'task_tag' and k.tags ? c.name
where k.id = any(%(task_ids)s::uuid[])
union all
select r.id, c.id
from flow_run r join concurrency_limit c on c.tenant_id = r.tenant_id and c.kind = 'flow_label' and r.labels ? c.name
where r.id = any(%(flow_run_ids)s::uuid[]);

-- name: limited_tags
-- The tags of a flow's tasks that a limit is on.
select distinct c.name
from task k join concurrency_limit c on c.tenant_id = k.tenant_id and c.kind = 'task_tag' and k.tags ? c.name
where k.flow_id = %(flow_id)s
order by 1;

-- name: lock_limits
select id, kind, name, slot_limit from concurrency_limit where id = any(%(ids)s) order by id for no key update;

-- name: use_of_limits
-- How many hold a slot, and how many wait. Asked under the limits' locks, in a statement after them.
select s.limit_id, count(s.acquired) as held,
       count(*) filter (where s.acquired is null and s.asked > now() - make_interval(secs => r.lease_seconds / 2)) as line
from concurrency_slot s join flow_run r on r.id = s.flow_run_id
where s.limit_id = any(%(ids)s)
group by s.limit_id;

-- name: places_in_lines
-- What these runs hold, and how many wait before them where they wait.
select s.limit_id, s.flow_run_id, s.task_run_id, s.acquired is not null as held, case when s.acquired is null then (
           select count(*) from concurrency_slot w join flow_run r on r.id = w.flow_run_id
           where w.limit_id = s.limit_id and w.acquired is null and w.id < s.id and w.asked > now() - make_interval(secs => r.lease_seconds / 2)
       ) else 0 end as ahead
from concurrency_slot s
where s.limit_id = any(%(ids)s) and s.flow_run_id = any(%(flow_run_ids)s);

-- name: take_slots
-- Slots, and places in the line; who has either keeps it.
insert into concurrency_slot (id, tenant_id, limit_id, flow_run_id, task_run_id, acquired)
select i.id, i.tenant_id, i.limit_id, i.flow_run_id, i.task_run_id, case when i.held then now() end
from jsonb_to_recordset(%(rows)s) as i (id uuid, tenant_id uuid, limit_id uuid, flow_run_id uuid, task_run_id uuid, held boolean)
order by i.id
on conflict (limit_id, flow_run_id, coalesce(task_run_id, flow_run_id))
do update set acquired = coalesce(concurrency_slot.acquired, excluded.acquired), asked = excluded.asked;

-- name: give_back_slots
delete from concurrency_slot
where flow_run_id = any(%(flow_run_ids)s::uuid[]) or task_run_id = any(%(task_run_ids)s::uuid[])
returning limit_id;

-- name: due_behind_limits
-- The oldest due runs under these limits' labels, `each` of a queue at most: agents are told of them when a slot is free.
with recursive limits as (
    select tenant_id, name from concurrency_limit where id = any(%(ids)s) and kind = 'flow_label'
), queues (tenant_id, label_key, run_config_type) as (
    (select r.tenant_id, r.label_key, r.run_config_type from flow_run r
     where r.tenant_id in (select tenant_id from limits) and r.due_at is not null
     order by r.tenant_id, r.label_key, r.run_config_type limit 1)
    union all
    select n.tenant_id, n.label_key, n.run_config_type from queues q cross join lateral (
        select r.tenant_id, r.label_key, r.run_config_type from flow_run r
        where r.tenant_id = q.tenant_id and r.due_at is not null and (r.label_key, r.run_config_type) > (q.label_key, q.run_config_type)
        order by r.label_key, r.run_config_type limit 1
    ) n
), behind as (
    select q.* from queues q where exists (select from limits l where l.tenant_id = q.tenant_id and q.label_key::jsonb ? l.name)
)
select c.* from behind b cross join lateral (
    select r.id, r.tenant_id, r.due_at, r.labels, r.run_config_type from flow_run r
    where r.tenant_id = b.tenant_id and r.label_key = b.label_key and r.run_config_type = b.run_config_type and r.due_at <= now()
    order by r.due_at limit %(each)s
) c
order by c.due_at limit %(each)s;
