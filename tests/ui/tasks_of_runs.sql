-- The task runs of the past runs of one version: a failed run failed in its last task but one, in one child of it where it is mapped.
with stepped as (
    select r.id as run, r.tenant_id, r.state, r.start_time, r.end_time, t.id as task, t.mapped,
           row_number() over (partition by r.id order by t.slug) as step, count(*) over (partition by r.id) as steps
    from flow_run r join task t on t.flow_id = r.flow_id
    where r.flow_id = %(flow)s and r.end_time is not null
), placed as (
    select s.*, n as map_index,
           case when s.state = 'Failed' and s.step = s.steps - 1 and (not s.mapped or n = 1) then 'Failed'
                when s.state = 'Failed' and s.step = s.steps then 'TriggerFailed'
                when s.mapped and n = -1 then 'Mapped' else 'Success' end as found
    from stepped s cross join lateral generate_series(-1, case when s.mapped then %(children)s - 1 else -1 end) n
)
insert into task_run (id, tenant_id, flow_run_id, task_id, map_index, version, state, state_timestamp, serialized_state, start_time, end_time)
select gen_random_uuid(), tenant_id, run, task, map_index, 3, found, end_time, jsonb_build_object('type', found),
       start_time + (end_time - start_time) * (step - 1) / steps, start_time + (end_time - start_time) * step / steps
from placed;
