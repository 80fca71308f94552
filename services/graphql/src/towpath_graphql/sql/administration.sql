-- What people change about tenants, projects and agents' settings.

-- name: lock_tenant
select id from tenant where id = %(tenant_id)s for update;

-- name: another_tenant
-- Whether there is another tenant, which is kept from being deleted meanwhile.
select id from tenant where id <> %(tenant_id)s order by created, id limit 1 for share;

-- name: update_tenant
update tenant
set name = coalesce(%(name)s, name), slug = coalesce(%(slug)s, slug), settings = settings || %(settings)s::jsonb, updated = now()
where id = %(tenant_id)s;

-- name: flows_of_tenant
select id from flow where tenant_id = %(tenant_id)s order by id;

-- name: delete_events_of_tenant
-- The lasting record has no foreign keys; what the outbox still holds is nobody's news any more.
with told as (delete from outbox where tenant_id = %(tenant_id)s)
delete from event where tenant_id = %(tenant_id)s;

-- name: delete_tenant
delete from tenant where id = %(tenant_id)s;

-- name: set_project_name
update project set name = %(name)s, updated = now()
where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: set_project_description
update project set description = %(description)s, updated = now()
where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: agent_config_like
-- The oldest agent config of this content; the tenant is locked, so nobody adds one meanwhile.
select id from agent_config
where tenant_id = %(tenant_id)s and name is not distinct from %(name)s and settings = %(settings)s::jsonb
order by created, id limit 1;

-- name: insert_agent_config
insert into agent_config (id, tenant_id, name, settings) values (%(id)s, %(tenant_id)s, %(name)s, %(settings)s);

-- name: lock_agent_config
select id, tenant_id, name, settings from agent_config
where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
for update;

-- name: store_agent_config
update agent_config set name = %(name)s, settings = %(settings)s, updated = now() where id = %(id)s and tenant_id = %(tenant_id)s;

-- name: delete_agent_config
delete from agent_config where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;
