-- Under which trace a run was created, for its process to go on under.
alter table flow_run add column trace text;
