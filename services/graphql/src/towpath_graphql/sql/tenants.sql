-- Tenants, projects, keys, audit.

-- name: default_tenant
-- The oldest tenant: the one that callers without a choice belong to.
select id, slug from tenant order by created, id limit 1;

-- name: insert_tenant
insert into tenant (id, name, slug) values (%(id)s, %(name)s, %(slug)s) on conflict do nothing returning id;

-- name: insert_project
insert into project (id, tenant_id, name, description) values (%(id)s, %(tenant_id)s, %(name)s, %(description)s)
on conflict (tenant_id, name) do nothing returning id;

-- name: delete_project
delete from project where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: project_flows
-- The flows of a project that is to be deleted; the project is locked, so that no flow is registered in it meanwhile.
with doomed as (select id from project where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) for update)
select f.id from flow f join doomed d on d.id = f.project_id order by f.id;

-- name: insert_api_key
insert into api_key (id, tenant_id, name, key_hash, role, user_id, expires_at)
values (%(id)s, %(tenant_id)s, %(name)s, %(key_hash)s, %(role)s, %(user_id)s, %(expires_at)s)
on conflict (tenant_id, name) do nothing returning id;

-- name: put_api_key
-- No row when it is as it shall be.
insert into api_key as k (id, tenant_id, name, key_hash, role)
values (%(id)s, %(tenant_id)s, %(name)s, %(key_hash)s, %(role)s)
on conflict (tenant_id, name) do update set key_hash = excluded.key_hash, role = excluded.role
where (k.key_hash, k.role) is distinct from (excluded.key_hash, excluded.role)
returning id;

-- name: list_api_keys
select id, name, role, created, expires_at, last_used from api_key where tenant_id = %(tenant_id)s order by created;

-- name: user_of_api_key
-- A key is known by its name once the gateway has verified it.
select coalesce(user_id, id) as user_id from api_key where tenant_id = %(tenant_id)s and name = %(name)s;

-- name: delete_api_key
delete from api_key where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;

-- name: verify_api_key
-- The key's owner; its last use is noted at most once a minute.
with found as (
    select id, tenant_id, role, name, last_used from api_key
    where key_hash = %(key_hash)s and (expires_at is null or expires_at > now())
), used as (
    update api_key k set last_used = now() from found f
    where k.id = f.id and (f.last_used is null or f.last_used < now() - interval '1 minute') returning 1
)
select tenant_id, role, name from found;

-- name: insert_audit
insert into audit (id, tenant_id, actor, role, action, entity, entity_id, detail)
values (%(id)s, %(tenant_id)s, %(actor)s, %(role)s, %(action)s, %(entity)s, %(entity_id)s, %(detail)s);
