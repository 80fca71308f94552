-- PostGIS in a schema that no search path names; shapes on a plane, places on the globe, pictures.
create schema gis;
create extension postgis schema gis;
create extension postgis_raster schema gis;
create domain plot as gis.geometry;
create table shape (
    id integer primary key,
    name text not null,
    form gis.geometry,
    claim plot,
    corners gis.geometry[]
);
create table place (id integer primary key, name text not null, spot gis.geography, mapped gis.geometry(Point, 4326));
create table picture (id integer primary key, image gis.raster);
create table pin (at gis.geometry primary key, shape_id integer references shape);
insert into shape values
    (1, 'square', 'SRID=4326;POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))', 'SRID=4326;POINT(2 2)', null),
    (2, 'line', 'SRID=4326;LINESTRING(-1 2, 5 2)', null, array['SRID=4326;POINT(-1 2)', 'SRID=4326;POINT(5 2)']::gis.geometry[]),
    (3, 'point', 'SRID=4326;POINT(2 2)', 'SRID=4326;POINT(9 9)', array[]::gis.geometry[]),
    (4, 'neighbour', 'SRID=4326;POLYGON((4 0, 8 0, 8 4, 4 4, 4 0))', null, null),
    (5, 'raised', 'SRID=4326;POINT Z(2 2 10)', null, null),
    (6, 'hole', 'SRID=4326;POLYGON((2 2, 6 2, 6 6, 2 6, 2 2), (3 3, 3 4, 4 4, 4 3, 3 3))', null, null),
    (7, 'many', 'SRID=4326;GEOMETRYCOLLECTION(MULTIPOINT(20 20, 21.123456789012345 21), MULTILINESTRING((20 20, 22 22)), MULTIPOLYGON(((20 20, 22 20, 22 22, 20 20))))', null, null),
    (8, 'nothing', null, null, null);
insert into place
    select id, name, spot::gis.geography, spot::gis.geometry
    from (values
        (1, 'London', 'SRID=4326;POINT(-0.1278 51.5074)'),
        (2, 'Paris', 'SRID=4326;POINT(2.3522 48.8566)'),
        (3, 'Sydney', 'SRID=4326;POINT(151.2093 -33.8688)'),
        (4, 'Nowhere', null)
    ) place (id, name, spot);
insert into picture values
    (1, '0100000100000000000000F03F000000000000F0BF000000000000F0BF000000000000104000000000000000000000000000000000E610000002000200440001010101'::gis.raster),
    (2, '0100000100000000000000F03F000000000000F0BF0000000000002440000000000000244000000000000000000000000000000000E610000002000200440001010101'::gis.raster),
    (3, null);
insert into pin values ('SRID=4326;POINT(1 2)', 1), ('SRID=3857;POINT(1 2)', 3);
create function around(centre gis.geometry, radius double precision default 1) returns setof shape language sql stable as $$
    select * from shape where gis.st_dwithin(form, centre, radius)
$$;
create function middle(item shape) returns gis.geometry language sql stable as $$ select gis.st_centroid(item.form) $$;
create function distance_to(item shape, other gis.geometry) returns double precision language sql stable as $$
    select gis.st_distance(item.form, other)
$$;
