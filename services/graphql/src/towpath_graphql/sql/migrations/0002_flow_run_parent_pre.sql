-- Which run created a run, by which of its tasks, and whether the two are cancelled together.
alter table flow_run
    add column parent_flow_run_id uuid references flow_run on delete set null,
    add column parent_task_id     uuid references task on delete set null,
    add column parent_map_index   int,
    add column cancel_with_parent boolean not null default false;
create index flow_run_by_parent on flow_run (parent_flow_run_id) where parent_flow_run_id is not null;
create index flow_run_by_parent_task on flow_run (parent_task_id) where parent_task_id is not null;
