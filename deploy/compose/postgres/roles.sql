-- Run once, on an empty data directory: the role of whoever answers reads, which may read what the business service's migrations make.
\getenv read_password TOWPATH_READ_PASSWORD
create role towpath_read login password :'read_password';
grant usage on schema public to towpath_read;
alter default privileges for role towpath in schema public grant select on tables to towpath_read;
-- Hasura keeps its own metadata apart from ours
create database hasura_metadata owner towpath;
