-- Two tenants with some of everything that a dashboard shows, at fixed ids and times. The backend's own tenant is "ours"; every text of the
-- other one says "foreign", so that one word of it in an answer is a leak. Nothing here is for the loops to take: what has not ended is due in
-- the year 2099, or owned until long after the test.
create temporary view ours as select id from tenant where slug <> 'foreign' order by created limit 1;

insert into project (id, tenant_id, created, updated, name, description) select p.*
from ours, lateral (values
    ('a0000000-0000-4000-8000-000000000001'::uuid, ours.id, '2026-01-01T08:00:00Z'::timestamptz, '2026-01-01T08:00:00Z'::timestamptz, 'Canals', 'Boats and locks'),
    ('a0000000-0000-4000-8000-000000000002', ours.id, '2026-01-02T08:00:00Z', '2026-01-02T08:00:00Z', 'Rivers', null)) p;

insert into flow_group (id, tenant_id, created, updated, name, description, labels, schedule, settings, default_parameters, run_config) select g.*
from ours, lateral (values
    ('b0000000-0000-4000-8000-000000000001'::uuid, ours.id, '2026-01-03T08:00:00Z'::timestamptz, '2026-01-03T08:00:00Z'::timestamptz, 'tow-group', 'Towing', '["horse"]'::jsonb,
     null::jsonb, '{"heartbeat_enabled": true, "version_locking_enabled": false}'::jsonb, '{"miles": 4}'::jsonb, '{"type": "UniversalRun", "labels": [], "env": null}'::jsonb),
    ('b0000000-0000-4000-8000-000000000002', ours.id, '2026-01-04T08:00:00Z', '2026-01-04T08:00:00Z', 'drift-group', null, null,
     '{"type": "Schedule", "clocks": []}', '{}', '{}', null)) g;

insert into flow (id, tenant_id, project_id, flow_group_id, created, updated, name, version, version_group_id, description, environment, run_config, storage,
                  parameters, serialized_flow, schedule, is_schedule_active, archived, core_version) select f.*
from ours, lateral (values
    ('c0000000-0000-4000-8000-000000000001'::uuid, ours.id, 'a0000000-0000-4000-8000-000000000001'::uuid, 'b0000000-0000-4000-8000-000000000001'::uuid,
     '2026-01-03T08:00:00Z'::timestamptz, '2026-01-03T08:00:00Z'::timestamptz, 'tow', 1, 'tow-group', null, null::jsonb, '{"type": "UniversalRun"}'::jsonb, '{"type": "Local"}'::jsonb,
     '[]'::jsonb, '{"type": "Flow"}'::jsonb, null::jsonb, false, true, '1.4.1'),
    ('c0000000-0000-4000-8000-000000000002', ours.id, 'a0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000001',
     '2026-01-05T08:00:00Z', '2026-01-05T08:00:00Z', 'tow', 2, 'tow-group', 'Tow a boat', null, '{"type": "UniversalRun"}', '{"type": "Local"}',
     '[{"name": "miles", "slug": "miles", "required": false, "default": 2}]', '{"type": "Flow"}', null, false, false, '1.4.1'),
    ('c0000000-0000-4000-8000-000000000003', ours.id, 'a0000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000002',
     '2026-01-04T08:00:00Z', '2026-01-04T08:00:00Z', 'drift', 1, 'drift-group', null, '{"type": "LocalEnvironment"}', null, '{"type": "Docker"}',
     '[]', '{"type": "Flow"}', '{"type": "Schedule", "clocks": [{"type": "IntervalClock"}]}', false, false, '1.3.0')) f;

insert into task (id, tenant_id, flow_id, created, updated, name, slug, description, type, max_retries, retry_delay, trigger, mapped, cache_key,
                  is_root_task, is_terminal_task, is_reference_task, tags) select t.*
from ours, lateral (values
    ('d0000000-0000-4000-8000-000000000001'::uuid, ours.id, 'c0000000-0000-4000-8000-000000000002'::uuid, '2026-01-05T08:00:00Z'::timestamptz, '2026-01-05T08:00:00Z'::timestamptz,
     'harness', 'harness-1', 'Harness the horse', 'prefect.tasks.core.function.FunctionTask', 3, '90 seconds'::interval, 'prefect.triggers.all_successful', false, null, true, false, false, '["horse"]'::jsonb),
    ('d0000000-0000-4000-8000-000000000002', ours.id, 'c0000000-0000-4000-8000-000000000002', '2026-01-05T08:00:01Z', '2026-01-05T08:00:00Z',
     'pull', 'pull-1', null, 'prefect.tasks.core.function.FunctionTask', 0, null, 'prefect.triggers.all_successful', true, null, false, false, false, '[]'),
    ('d0000000-0000-4000-8000-000000000003', ours.id, 'c0000000-0000-4000-8000-000000000002', '2026-01-05T08:00:02Z', '2026-01-05T08:00:00Z',
     'moor', 'moor-1', null, 'prefect.tasks.core.function.FunctionTask', 0, null, 'prefect.triggers.all_finished', false, null, false, true, true, '[]')) t;

insert into edge (id, tenant_id, flow_id, created, upstream_task_id, downstream_task_id, key, mapped) select e.*
from ours, lateral (values
    ('e0000000-0000-4000-8000-000000000001'::uuid, ours.id, 'c0000000-0000-4000-8000-000000000002'::uuid, '2026-01-05T08:00:00Z'::timestamptz,
     'd0000000-0000-4000-8000-000000000001'::uuid, 'd0000000-0000-4000-8000-000000000002'::uuid, 'rope', true),
    ('e0000000-0000-4000-8000-000000000002', ours.id, 'c0000000-0000-4000-8000-000000000002', '2026-01-05T08:00:00Z',
     'd0000000-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000003', null, false)) e;

insert into agent_config (id, tenant_id, created, updated, name, settings)
select 'f0000000-0000-4000-8000-000000000001', id, '2026-01-01T08:00:00Z', '2026-01-01T08:00:00Z', 'tow path', '{"mode": "default"}' from ours;
insert into agent (id, tenant_id, agent_config_id, created, updated, name, type, core_version, labels, last_queried)
select 'f1000000-0000-4000-8000-000000000001', id, 'f0000000-0000-4000-8000-000000000001', '2026-01-01T08:00:00Z', '2026-01-01T08:00:00Z', 'horse',
       'LocalAgent', '1.4.1', '["horse"]', '2099-01-01T00:00:00Z' from ours;

insert into flow_run (id, tenant_id, flow_id, flow_group_id, created, updated, name, parameters, context, labels, run_config, scheduled_start_time, auto_scheduled,
                      agent_id, version, state, state_timestamp, state_message, state_start_time, serialized_state, start_time, end_time, heartbeat, due_at,
                      phase, lease_holder, lease_expires_at, waiting_for) select r.*
from ours, lateral (values
    ('10000000-0000-4000-8000-000000000001'::uuid, ours.id, 'c0000000-0000-4000-8000-000000000002'::uuid, 'b0000000-0000-4000-8000-000000000001'::uuid,
     '2026-02-01T08:00:00Z'::timestamptz, '2026-02-01T08:10:00Z'::timestamptz, 'proud-heron', '{"miles": 4}'::jsonb, '{"weather": "fair"}'::jsonb, '["horse"]'::jsonb,
     '{"type": "UniversalRun"}'::jsonb, '2026-02-01T08:00:00Z'::timestamptz, false, 'f1000000-0000-4000-8000-000000000001'::uuid, 3, 'Success',
     '2026-02-01T08:10:00Z'::timestamptz, 'All reference tasks succeeded.', null::timestamptz, '{"type": "Success", "message": "All reference tasks succeeded."}'::jsonb,
     '2026-02-01T08:00:05Z'::timestamptz, '2026-02-01T08:10:00.123456Z'::timestamptz, '2026-02-01T08:09:55Z'::timestamptz, null::timestamptz,
     null, null, null::timestamptz, null),
    ('10000000-0000-4000-8000-000000000002', ours.id, 'c0000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000001',
     '2026-02-02T08:00:00Z', '2026-02-02T08:01:00Z', 'sunken-swan', '{}', '{}', '[]', null, '2026-02-02T08:00:00Z', true, null, 3, 'Failed',
     '2026-02-02T08:01:00Z', 'Some reference tasks failed.', null, '{"type": "Failed", "message": "Some reference tasks failed."}',
     '2026-02-02T08:00:05Z', '2026-02-02T08:01:00Z', null, null, null, null, null, null),
    ('10000000-0000-4000-8000-000000000003', ours.id, 'c0000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-000000000001',
     '2026-02-03T08:00:00Z', '2026-02-03T08:00:00Z', 'patient-otter', '{}', '{}', '["horse"]', null, '2099-01-01T08:00:00Z', true, null, 1, 'Scheduled',
     '2026-02-03T08:00:00Z', 'Flow run scheduled.', '2099-01-01T08:00:00Z', '{"type": "Scheduled", "start_time": "2099-01-01T08:00:00+00:00"}',
     null, null, null, '2099-01-01T08:00:00Z', null, null, null, null),
    ('10000000-0000-4000-8000-000000000004', ours.id, 'c0000000-0000-4000-8000-000000000003', 'b0000000-0000-4000-8000-000000000002',
     '2026-02-04T08:00:00Z', '2026-02-04T08:00:09Z', 'lazy-mallard', '{}', '{}', '[]', null, '2026-02-04T08:00:00Z', false, null, 3, 'Running',
     '2026-02-04T08:00:09Z', 'Running flow.', null, '{"type": "Running", "message": "Running flow."}',
     '2026-02-04T08:00:09Z', null, '2026-02-04T08:00:30Z', null, 'running', 'seed', '2099-01-01T00:00:00Z', null),
    ('10000000-0000-4000-8000-000000000005', ours.id, 'c0000000-0000-4000-8000-000000000003', 'b0000000-0000-4000-8000-000000000002',
     '2026-02-05T08:00:00Z', '2026-02-05T08:00:20Z', 'stray-goose', '{}', '{}', '[]', null, '2026-02-05T08:00:00Z', false, null, 4, 'Cancelled',
     '2026-02-05T08:00:20Z', 'Cancelled by a person', null, '{"type": "Cancelled"}', '2026-02-05T08:00:09Z', '2026-02-05T08:00:20Z', null, null, null, null, null, null)) r;

insert into task_run (id, tenant_id, flow_run_id, task_id, created, updated, map_index, name, version, state, state_timestamp, state_message, state_start_time,
                      serialized_state, start_time, end_time, heartbeat) select r.*
from ours, lateral (values
    ('20000000-0000-4000-8000-000000000001'::uuid, ours.id, '10000000-0000-4000-8000-000000000001'::uuid, 'd0000000-0000-4000-8000-000000000001'::uuid,
     '2026-02-01T08:00:00Z'::timestamptz, '2026-02-01T08:00:10Z'::timestamptz, -1, null, 2, 'Success', '2026-02-01T08:00:10Z'::timestamptz, 'Task run succeeded.',
     null::timestamptz, '{"type": "Success"}'::jsonb, '2026-02-01T08:00:06Z'::timestamptz, '2026-02-01T08:00:10Z'::timestamptz, '2026-02-01T08:00:09Z'::timestamptz),
    ('20000000-0000-4000-8000-000000000002', ours.id, '10000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000002',
     '2026-02-01T08:00:00Z', '2026-02-01T08:00:20Z', -1, null, 2, 'Mapped', '2026-02-01T08:00:11Z', 'Ready to proceed with mapping.', null, '{"type": "Mapped"}',
     '2026-02-01T08:00:11Z', '2026-02-01T08:00:20Z', null),
    ('20000000-0000-4000-8000-000000000003', ours.id, '10000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000002',
     '2026-02-01T08:00:11Z', '2026-02-01T08:00:15Z', 0, 'pull[0]', 2, 'Success', '2026-02-01T08:00:15Z', null, null, '{"type": "Success"}',
     '2026-02-01T08:00:12Z', '2026-02-01T08:00:15Z', null),
    ('20000000-0000-4000-8000-000000000004', ours.id, '10000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000002',
     '2026-02-01T08:00:11Z', '2026-02-01T08:00:18Z', 1, 'pull[1]', 2, 'Cached', '2026-02-01T08:00:18Z', null, null, '{"type": "Cached"}',
     '2026-02-01T08:00:13Z', '2026-02-01T08:00:18Z', null),
    ('20000000-0000-4000-8000-000000000005', ours.id, '10000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000003',
     '2026-02-01T08:00:00Z', '2026-02-01T08:00:30Z', -1, null, 2, 'Success', '2026-02-01T08:00:30Z', null, null, '{"type": "Success"}',
     '2026-02-01T08:00:21Z', '2026-02-01T08:00:30Z', null),
    ('20000000-0000-4000-8000-000000000006', ours.id, '10000000-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000001',
     '2026-02-02T08:00:00Z', '2026-02-02T08:00:30Z', -1, null, 2, 'Failed', '2026-02-02T08:00:30Z', 'The horse bolted', null, '{"type": "Failed", "message": "The horse bolted"}',
     '2026-02-02T08:00:06Z', '2026-02-02T08:00:30Z', null)) r;

insert into flow_run_state (id, tenant_id, flow_run_id, timestamp, created, state, message, start_time, version, attempt, serialized_state) select s.*
from ours, lateral (values
    ('30000000-0000-4000-8000-000000000001'::uuid, ours.id, '10000000-0000-4000-8000-000000000001'::uuid, '2026-02-01T08:00:00Z'::timestamptz, '2026-02-01T08:00:00Z'::timestamptz,
     'Scheduled', null, '2026-02-01T08:00:00Z'::timestamptz, 1, 1, '{"type": "Scheduled"}'::jsonb),
    ('30000000-0000-4000-8000-000000000002', ours.id, '10000000-0000-4000-8000-000000000001', '2026-02-01T08:00:05Z', '2026-02-01T08:00:05Z', 'Running', 'Running flow.', null, 2, 1, '{"type": "Running"}'),
    ('30000000-0000-4000-8000-000000000003', ours.id, '10000000-0000-4000-8000-000000000001', '2026-02-01T08:10:00Z', '2026-02-01T08:10:00Z', 'Success', 'All reference tasks succeeded.', null, 3, 1,
     '{"type": "Success"}'),
    ('30000000-0000-4000-8000-000000000004', ours.id, '10000000-0000-4000-8000-000000000002', '2026-02-02T08:01:00Z', '2026-02-02T08:01:00Z', 'Failed', 'Some reference tasks failed.', null, 3, 1,
     '{"type": "Failed"}')) s;
insert into task_run_state (id, tenant_id, task_run_id, timestamp, created, state, message, version, attempt, serialized_state) select s.*
from ours, lateral (values
    ('31000000-0000-4000-8000-000000000001'::uuid, ours.id, '20000000-0000-4000-8000-000000000001'::uuid, '2026-02-01T08:00:06Z'::timestamptz, '2026-02-01T08:00:06Z'::timestamptz, 'Running', null, 1, 1,
     '{"type": "Running"}'::jsonb),
    ('31000000-0000-4000-8000-000000000002', ours.id, '20000000-0000-4000-8000-000000000001', '2026-02-01T08:00:10Z', '2026-02-01T08:00:10Z', 'Success', 'Task run succeeded.', 2, 1, '{"type": "Success"}')) s;

insert into log (id, tenant_id, flow_run_id, task_run_id, created, timestamp, name, level, message, info) select l.*
from ours, lateral (values
    ('40000000-0000-4000-8000-000000000001'::uuid, ours.id, '10000000-0000-4000-8000-000000000001'::uuid, null::uuid, '2026-02-01T08:00:05Z'::timestamptz, '2026-02-01T08:00:05Z'::timestamptz,
     'prefect.CloudFlowRunner', 'INFO', 'Beginning Flow run', '{"thread": "MainThread"}'::jsonb),
    ('40000000-0000-4000-8000-000000000002', ours.id, '10000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000001', '2026-02-01T08:00:07Z', '2026-02-01T08:00:07Z',
     'prefect.harness', 'WARNING', 'The horse is restless', null),
    ('40000000-0000-4000-8000-000000000003', ours.id, '10000000-0000-4000-8000-000000000002', '20000000-0000-4000-8000-000000000006', '2026-02-02T08:00:30Z', '2026-02-02T08:00:30Z',
     'prefect.harness', 'ERROR', 'The horse bolted', null)) l;

insert into task_run_artifact (id, tenant_id, task_run_id, created, updated, kind, data) select a.*
from ours, lateral (values
    ('50000000-0000-4000-8000-000000000001'::uuid, ours.id, '20000000-0000-4000-8000-000000000001'::uuid, '2026-02-01T08:00:08Z'::timestamptz, '2026-02-01T08:00:08Z'::timestamptz,
     'markdown', '{"markdown": "# Harness"}'::jsonb),
    ('50000000-0000-4000-8000-000000000002', ours.id, '20000000-0000-4000-8000-000000000005', '2026-02-01T08:00:25Z', '2026-02-01T08:00:25Z', 'link', '{"link": "https://example.org/quay"}')) a;
insert into message (id, tenant_id, created, updated, read, type, text, content) select m.*
from ours, lateral (values
    ('60000000-0000-4000-8000-000000000001'::uuid, ours.id, '2026-02-01T09:00:00Z'::timestamptz, '2026-02-01T09:00:00Z'::timestamptz, false, 'CLOUD_HOOK', 'A run has failed', '{"flow_run": "sunken-swan"}'::jsonb),
    ('60000000-0000-4000-8000-000000000002', ours.id, '2026-02-02T09:00:00Z', '2026-02-02T09:00:00Z', true, 'CLOUD_HOOK', 'A run has ended', null)) m;
insert into cloud_hook (id, tenant_id, created, updated, name, type, states, config, active, version_group_id)
select '70000000-0000-4000-8000-000000000001', id, '2026-02-01T09:00:00Z', '2026-02-01T09:00:00Z', 'tell the lock keeper', 'WEBHOOK', '["Failed"]', '{}', true, 'tow-group' from ours;

insert into tenant (id, name, slug) values ('00000000-0000-4000-8000-0000000000ff', 'foreign', 'foreign');
insert into project (id, tenant_id, name) values ('a0000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'foreign');
insert into flow_group (id, tenant_id, name) values ('b0000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'foreign');
insert into flow (id, tenant_id, project_id, flow_group_id, name, version, version_group_id, serialized_flow) values
    ('c0000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'a0000000-0000-4000-8000-0000000000ff', 'b0000000-0000-4000-8000-0000000000ff',
     'foreign', 1, 'foreign', '{"type": "foreign"}');
insert into task (id, tenant_id, flow_id, name, slug) values
    ('d0000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'c0000000-0000-4000-8000-0000000000ff', 'foreign', 'foreign');
insert into edge (id, tenant_id, flow_id, upstream_task_id, downstream_task_id, key) values
    ('e0000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'c0000000-0000-4000-8000-0000000000ff', 'd0000000-0000-4000-8000-0000000000ff',
     'd0000000-0000-4000-8000-0000000000ff', 'foreign');
insert into agent (id, tenant_id, name, type, last_queried) values
    ('f1000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'foreign', 'LocalAgent', '2099-01-01T00:00:00Z');
insert into flow_run (id, tenant_id, flow_id, flow_group_id, name, scheduled_start_time, agent_id, state, state_timestamp, serialized_state, end_time) values
    ('10000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'c0000000-0000-4000-8000-0000000000ff', 'b0000000-0000-4000-8000-0000000000ff',
     'foreign', '2026-02-01T08:00:00Z', 'f1000000-0000-4000-8000-0000000000ff', 'Failed', '2026-02-01T08:00:00Z', '{"message": "foreign"}', '2026-02-01T08:00:00Z');
insert into task_run (id, tenant_id, flow_run_id, task_id, name, state, state_timestamp, serialized_state) values
    ('20000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', '10000000-0000-4000-8000-0000000000ff', 'd0000000-0000-4000-8000-0000000000ff',
     'foreign', 'Failed', '2026-02-01T08:00:00Z', '{"message": "foreign"}');
insert into flow_run_state (id, tenant_id, flow_run_id, timestamp, state, message, version, attempt, serialized_state) values
    ('30000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', '10000000-0000-4000-8000-0000000000ff', '2026-02-01T08:00:00Z', 'Failed', 'foreign', 1, 1, '{}');
insert into task_run_state (id, tenant_id, task_run_id, timestamp, state, message, version, attempt, serialized_state) values
    ('31000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', '20000000-0000-4000-8000-0000000000ff', '2026-02-01T08:00:00Z', 'Failed', 'foreign', 1, 1, '{}');
insert into log (id, tenant_id, flow_run_id, timestamp, level, message) values
    ('40000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', '10000000-0000-4000-8000-0000000000ff', '2026-02-01T08:00:00Z', 'ERROR', 'foreign');
insert into task_run_artifact (id, tenant_id, task_run_id, kind, data) values
    ('50000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', '20000000-0000-4000-8000-0000000000ff', 'markdown', '{"markdown": "foreign"}');
insert into message (id, tenant_id, type, text) values
    ('60000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'CLOUD_HOOK', 'foreign');
insert into cloud_hook (id, tenant_id, name, type, version_group_id) values
    ('70000000-0000-4000-8000-0000000000ff', '00000000-0000-4000-8000-0000000000ff', 'foreign', 'WEBHOOK', 'foreign');
