-- Migrations: what has been applied. Run by the graphql service at its start, or by the migration job.

-- name: migration_lock
-- One migrator at a time, whoever they are; held until the transaction ends.
select pg_advisory_xact_lock(7446200);

-- name: create_migration_table
create table if not exists schema_migration (name text primary key, applied timestamptz not null default now());

-- name: applied_migrations
select name from schema_migration order by name;

-- name: record_migration
insert into schema_migration (name) values (%(name)s);
