-- Flow groups: what all versions of a flow share.

-- name: lock_group_of_flow
-- A flow's group, locked before the flow, so that what is read next of the group is what holds.
select g.id from flow f join flow_group g on g.id = f.flow_group_id
where f.id = %(id)s and (f.tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
for no key update of g;

-- name: lock_flow_group
select id, tenant_id, description, labels, run_config, default_parameters, schedule from flow_group
where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null)
for no key update;

-- name: store_flow_group
update flow_group
set description = %(description)s, labels = %(labels)s, run_config = %(run_config)s, default_parameters = %(default_parameters)s,
    schedule = %(schedule)s, updated = now()
where id = %(id)s and tenant_id = %(tenant_id)s;

-- name: merge_group_settings
update flow_group set settings = settings || %(settings)s::jsonb, updated = now() where id = %(id)s;

-- name: merge_flow_settings
-- Prefect 1's clients read the settings of the flow, so those of its group that they obey are repeated there.
update flow set settings = settings || %(settings)s::jsonb, updated = now() where flow_group_id = %(flow_group_id)s;

-- name: lock_flows_of_group
select id, is_schedule_active, archived from flow where flow_group_id = %(flow_group_id)s order by id for no key update;

-- name: newest_flow_of_group
select id, name, parameters from flow where flow_group_id = %(flow_group_id)s and not archived order by version desc limit 1;

-- name: move_flows
update flow set project_id = %(project_id)s, updated = now() where flow_group_id = %(flow_group_id)s;

-- name: delete_flow_group
delete from flow_group where id = %(id)s and (tenant_id = %(tenant_id)s::uuid or %(tenant_id)s::uuid is null) returning id;
