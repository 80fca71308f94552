-- A table for random geometries, with PostGIS in a schema that no search path names.
create schema gis;
create extension postgis schema gis;
create table thing (id integer primary key, form gis.geometry, spot gis.geography);
create index on thing using gist (form);
