-- The latest artifacts of a task run, with which a new one is compared; what the index that goes was for, this one serves, too.
create index task_run_artifact_by_creation on task_run_artifact (task_run_id, created);
drop index task_run_artifact_by_run;
