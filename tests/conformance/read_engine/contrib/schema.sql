-- Types of extensions; ltree lives in a schema of its own, which the search path names.
create schema extensions;
alter database contrib set search_path = public, extensions;
set search_path = public, extensions;
create extension citext;
create extension ltree schema extensions;
create table shelf (id integer primary key, place ltree, label citext, code char(4));
insert into shelf values
    (1, 'top', 'Top', 'a'),
    (2, 'top.science', 'SCIENCE', 'b1'),
    (3, 'top.science.maths', 'Maths', 'B1'),
    (4, 'top.fiction', 'fiction', null),
    (5, null, null, 'abcd');
