-- Hooks on states of flow runs, what is to be told to them, and messages. Deliveries are made by a trigger: see schema.sql.

-- name: hooks_like
-- Hooks that differ from a new one in their config at most; the tenant is locked, so nobody adds one meanwhile.
select id, key_id, sealed from cloud_hook
where tenant_id = %(tenant_id)s and type = %(type)s and states = %(states)s::jsonb and name is not distinct from %(name)s
  and version_group_id is not distinct from %(version_group_id)s
order by id;

-- name: insert_hook
insert into cloud_hook (id, tenant_id, name, type, states, config, version_group_id, key_id, sealed)
values (%(id)s, %(tenant_id)s, %(name)s, %(type)s, %(states)s, %(config)s, %(version_group_id)s, %(key_id)s, %(sealed)s);

-- name: hook
select id, tenant_id, type, key_id, sealed from cloud_hook where id = %(id)s and tenant_id = %(tenant_id)s;

-- name: set_hook_active
update cloud_hook set active = %(active)s, updated = now() where id = %(id)s and tenant_id = %(tenant_id)s returning id;

-- name: delete_hook
delete from cloud_hook where id = %(id)s and tenant_id = %(tenant_id)s returning id;

-- name: event_of_flow_run
-- A flow run as an event shows it.
select jsonb_build_object('id', r.id, 'name', r.name) as flow_run,
       jsonb_build_object('id', f.id, 'name', f.name, 'version', f.version, 'version_group_id', f.version_group_id) as flow
from flow_run r join flow f on f.id = r.flow_id
where r.id = %(id)s and r.tenant_id = %(tenant_id)s;

-- name: tenant_of_event
select jsonb_build_object('id', id, 'name', name, 'slug', slug) as tenant from tenant where id = %(tenant_id)s;

-- name: claim_hook_deliveries
-- What is due, for a while: should this process die, it is due again then. What a hook that was switched off had to be told is dropped.
-- Of each tenant no more than its share, of which some may be under way already.
with tenants as (
    select t.tenant_id, %(share)s - coalesce(b.used, 0) as room
    from (select distinct tenant_id from cloud_hook) t
    left join unnest(%(busy)s::uuid[], %(used)s::int[]) as b (tenant_id, used) using (tenant_id)
), due as (
    select d.id
    from tenants t
    cross join lateral (
        select id, due_at from hook_delivery where tenant_id = t.tenant_id and due_at <= now()
        order by due_at limit greatest(t.room, 0) for update skip locked
    ) d
    order by d.due_at limit %(limit)s
), dropped as (
    delete from hook_delivery d using cloud_hook h where d.id in (select id from due) and h.id = d.hook_id and not h.active
)
update hook_delivery d set attempts = d.attempts + 1, due_at = now() + make_interval(secs => %(lease)s)
from cloud_hook h
where d.id in (select id from due) and h.id = d.hook_id and h.active
returning d.id, d.tenant_id, d.hook_id, d.attempts, d.told, d.event, h.type, h.key_id, h.sealed;

-- name: settle_hook_delivery
-- Write down how an attempt ended, if it is still ours: forget what was told or is given up, come again later with the rest.
with told as (
    delete from hook_delivery where id = %(id)s and attempts = %(attempts)s and %(delay)s::float8 is null returning hook_id
), again as (
    update hook_delivery set due_at = now() + make_interval(secs => %(delay)s::float8), told = %(told)s::int[]
    where id = %(id)s and attempts = %(attempts)s and %(delay)s::float8 is not null returning hook_id
)
update cloud_hook
set last_attempt = now(), last_status = %(status)s, last_error = %(error)s, last_attempts = %(attempts)s
where id in (select hook_id from told union all select hook_id from again) and tenant_id = %(tenant_id)s;

-- name: next_hook_delivery
-- Seconds until something is due of a tenant who has room for it; null when nothing is. And whether there is any hook.
select (
    select extract(epoch from min(d.due_at) - now())::float8
    from (select distinct tenant_id from cloud_hook where tenant_id <> all (%(full)s::uuid[])) t
    cross join lateral (select due_at from hook_delivery where tenant_id = t.tenant_id order by due_at limit 1) d
) as seconds, exists (select from cloud_hook where active) as hooks;

-- name: lock_hooks_under_other_keys
select id, tenant_id, key_id, sealed from cloud_hook where key_id <> %(key_id)s order by id limit %(limit)s for update;

-- name: re_encrypt_hook
update cloud_hook set key_id = %(key_id)s, sealed = %(sealed)s where id = %(id)s and tenant_id = %(tenant_id)s;

-- name: insert_message
insert into message (id, tenant_id, type, text, content) values (%(id)s, %(tenant_id)s, %(type)s, %(text)s, %(content)s)
on conflict (id) do nothing;

-- name: mark_message
update message set read = %(read)s, updated = now() where id = %(id)s and tenant_id = %(tenant_id)s returning id;

-- name: delete_message
delete from message where id = %(id)s and tenant_id = %(tenant_id)s returning id;
