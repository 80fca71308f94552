-- Runs of the past, written at once: a table as large as it is after a busy year. Ended ones only, so that no service looks at them.
insert into flow_run (id, tenant_id, flow_id, flow_group_id, name, scheduled_start_time, state, state_timestamp, state_message,
                      serialized_state, start_time, end_time, labels, version)
select gen_random_uuid(), f.tenant_id, f.id, f.flow_group_id, %(prefix)s || n, due, state, due + took, message,
       jsonb_build_object('type', state, 'message', message), due + interval '240 ms', due + took,
       case when n %% 10 = 0 then '["gpu", "north"]'::jsonb else '[]'::jsonb end, 4
from (
    select n, now() - n * %(every)s::interval - interval '1 minute' as due,
           (0.4 + 0.9 * abs(sin(n * 12.9898))) * %(took)s::interval as took,
           case when abs(sin(n * 78.233)) < %(fails)s then 'Failed' when n %% 97 = 0 then 'Cancelled' else 'Success' end as state
    from generate_series(1, %(count)s) n
) as past
cross join lateral (
    select case state when 'Failed' then 'Some reference tasks failed.' when 'Cancelled' then 'Cancelled by admin.'
                      else 'All reference tasks succeeded.' end as message
) as said
cross join flow f
where f.id = %(flow)s;
