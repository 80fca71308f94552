-- The newest runs, the last started ones and the last failed tasks of a tenant, as Prefect 1's command line and its dashboards ask for them.
create index flow_run_by_creation on flow_run (tenant_id, created desc);
create index flow_run_by_start on flow_run (tenant_id, start_time desc) where start_time is not null;
create index task_run_failed on task_run (tenant_id, state_timestamp desc)
    where state in ('Failed', 'TimedOut', 'TriggerFailed', 'ValidationFailed');
