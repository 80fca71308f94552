-- Agents.

-- name: upsert_agent
-- Registering is idempotent on (tenant, name, type, version, labels).
insert into agent (id, tenant_id, agent_config_id, name, type, core_version, labels, address)
values (%(id)s, %(tenant_id)s, %(agent_config_id)s, %(name)s, %(type)s, %(core_version)s, %(labels)s, %(address)s)
on conflict (tenant_id, name, type, core_version, labels)
do update set last_queried = now(), updated = now(), address = excluded.address,
              agent_config_id = coalesce(excluded.agent_config_id, agent.agent_config_id)
returning id, (xmax = 0) as created;

-- name: touch_agent
-- An agent has asked for work.
update agent
set last_queried = now(),
    run_config_types = coalesce(%(types)s::jsonb, run_config_types),
    lease_expires_at = case when %(lease)s::float8 is null then lease_expires_at else now() + make_interval(secs => %(lease)s::float8) end
where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
returning id, tenant_id, name, labels;

-- name: delete_agent
delete from agent where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;
