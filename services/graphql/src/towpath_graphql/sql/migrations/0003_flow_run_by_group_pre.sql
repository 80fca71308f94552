-- The newest runs of a flow, of all its versions.
create index flow_run_by_group on flow_run (flow_group_id, scheduled_start_time desc);
