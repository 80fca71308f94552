-- The queue is looked up by run config type, too: without it, an agent that found nothing of its types read every due run of its labels.
drop index flow_run_offered;
create index flow_run_offered on flow_run (tenant_id, label_key, run_config_type, due_at) where due_at is not null;

-- Foreign keys whose rows are looked for when an agent or a run is deleted.
create index flow_run_by_agent on flow_run (agent_id) where agent_id is not null;
create index concurrency_slot_by_run on concurrency_slot (flow_run_id);
