-- A small library: every kind of relationship, and a column of every type that behaves in its own way.
create table author (
    id integer primary key,
    name text not null unique,
    born date,
    country text,
    settings jsonb not null default '{}',
    joined_at timestamptz not null,
    mentor_id integer references author (id)
);
create table article (
    id uuid primary key,
    author_id integer not null references author (id),
    editor_id integer references author (id),
    title text not null,
    body text,
    rating numeric(6, 2),
    views bigint not null default 0,
    published boolean not null default false,
    published_at timestamptz,
    updated timestamp,
    labels text[] not null default '{}',
    meta jsonb,
    raw json
);
create index on article (author_id);
create table tag (id integer primary key, label text not null);
create table article_tag (
    article_id uuid not null references article (id),
    tag_id integer not null references tag (id),
    primary key (article_id, tag_id)
);
create table profile (author_id integer primary key references author (id), bio text);
create table reading (
    id integer primary key,
    article_id uuid not null references article (id),
    minutes double precision,
    pages double precision
);
create schema archive;
create table archive.edition (
    article_id uuid not null references article (id),
    number smallint not null,
    printed double precision,
    ratio real,
    price money,
    span interval,
    at_time time,
    tenant text not null,
    primary key (article_id, number)
);
create table "Odd ""table""" (id integer primary key, "strange column" text, "select" text);
create view published_article as select id, author_id, title from article where published;

create type size as enum ('small', 'large');
create type point_of_sale as (city text, "number" integer);
create domain positive as integer check (value > 0);
create table sample (
    id smallint primary key,
    big bigint, exact numeric, wide double precision, narrow real, cash money, counted positive,
    flag boolean, fixed char(5), varied varchar(9), short name, bytes bytea,
    moment timestamptz, naive timestamp, day date, hour time, zoned_hour timetz, span interval,
    address inet, network cidr, hardware macaddr, search tsvector, bits bit(4),
    numbers int4range, moments tstzrange, days daterange, dot point, area box,
    sizes size, sale point_of_sale,
    bigs bigint[], exacts numeric[], grid integer[], flags boolean[], sales point_of_sale[], ids uuid[], documents jsonb[]
);
insert into sample values (
    1, 9007199254740993, 12345678901234567890.123456789000, 0.1, 1.25, 1234.5, 7,
    true, 'ab', 'text', 'a name', '\xdeadbeef',
    '2015-10-17T14:42:43+02:00', '2015-10-17T14:42:43.120', '2014-09-14', '11:09:23.500', '15:22:23+00', '1 year 2 mons 3 days 01:03:02',
    '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', 'fat cat'::tsvector, '1010',
    '[1,5)', '[2020-01-01T00:00Z,2020-01-02T12:30:00.5Z)', '[2020-01-01,)', '(1.5,2)', '(1,1),(0,0)',
    'large', ('Turku', 4),
    '{9007199254740993,null}', '{1.50,2}', '{{1,2},{3,4}}', '{t,f}', array[('Oulu', 1)::point_of_sale],
    '{00000000-0000-4000-8000-00000000000A}', array['{"a": 1.50}'::jsonb]
);
insert into sample (id) values (2);
create table mood (value text primary key, comment text);
insert into mood values ('calm', 'nothing happens'), ('eager', null), ('bleak', 'rain');
create table weather (name varchar primary key);
insert into weather values ('sun'), ('rain');
create table diary (
    id integer primary key,
    mood text not null references mood (value),
    later_mood text references mood (value),
    weather varchar references weather (name)
);
insert into diary values (1, 'calm', 'bleak', 'sun'), (2, 'eager', null, 'rain'), (3, 'bleak', 'calm', null);
create table motto (mood text primary key references mood (value), words text);
insert into motto values ('calm', 'Slowly.'), ('eager', 'Now!');
create function search_articles(search text) returns setof article stable language sql as $$
    select * from article
    where to_tsvector('english', title || ' ' || coalesce(body, '')) @@ websearch_to_tsquery('english', search)
$$;
comment on function search_articles is 'articles by the words in them';
create function articles_among(ids uuid[], at_least numeric default -100, at_most numeric default 100) returns setof article
stable language sql as $$
    select * from article where id = any(ids) and coalesce(rating, 0) between at_least and at_most
$$;
create function articles_of_reader(hasura_session json, only_published boolean default true) returns setof article
stable language sql as $$
    select * from article
    where author_id = (hasura_session ->> 'x-hasura-author-id')::integer and (published or not only_published)
$$;
create function oldest_author(text default null) returns author stable language sql as $$
    select * from author where country = $1 or $1 is null order by born nulls last limit 1
$$;
create function archive.editions_of(tenant text) returns setof archive.edition stable language sql as $$
    select * from archive.edition e where e.tenant = editions_of.tenant
$$;
create function author_label(author) returns text stable language sql as $$
    select $1.name || coalesce(' (' || $1.country || ')', '')
$$;
create function author_output(author_row author) returns bigint stable language sql as $$
    select sum(length(body)) from article where author_id = author_row.id
$$;
create function author_greeting(author_row author, greeting text, mark text default '!') returns text stable language sql as $$
    select greeting || ' ' || author_row.name || mark
$$;
create function author_score(author_row author, factor numeric) returns numeric stable language sql as $$
    select author_row.id * factor
$$;
create function author_published(author_row author) returns setof article stable language sql as $$
    select * from article where author_id = author_row.id and published
$$;
create function author_matching(word text, author_row author) returns setof article stable language sql as $$
    select * from article where author_id = author_row.id and title ilike '%' || word || '%'
$$;
create function author_latest(author_row author) returns article stable language sql as $$
    select * from article where author_id = author_row.id order by published_at desc nulls last limit 1
$$;
create function author_is_caller(author_row author, hasura_session json) returns boolean stable language sql as $$
    select author_row.id::text = hasura_session ->> 'x-hasura-author-id'
$$;
create function article_facts(article) returns jsonb stable language sql as $$
    select jsonb_build_object('title', $1.title, 'tags', (
        select jsonb_agg(t.label order by t.id) from article_tag x join tag t on t.id = x.tag_id where x.article_id = $1.id
    ))
$$;
create function new_article() returns setof article volatile language sql as $$ select * from article $$;

insert into author values
    (1, 'Ada', '1815-12-10', 'uk', '{"theme": "dark", "size": 3, "tags": ["a", "b"]}', '2024-01-01T08:30:00Z', null),
    (2, 'Brontë', '1816-04-21', 'uk', '{"theme": "light"}', '2024-01-02T08:30:00.123450+02:00', 1),
    (3, 'Čapek', null, null, '{}', '2024-01-03T00:00:00Z', 1),
    (4, 'D''Arc "the 1st" \ %_', '1412-01-06', 'fr', '{"theme": null, "nested": {"deep": [1, {"x y": 2}]}}', '2024-01-04T00:00:00Z', 2),
    (5, 'Éluard', '1895-12-14', 'fr', '{"size": 10}', '2024-01-05T00:00:00Z', null);
insert into article values
    ('00000000-0000-4000-8000-000000000001', 1, 2, 'Engines', 'On engines.', 4.50, 9007199254740993, true, '2024-02-01T10:00:00Z', '2024-02-01T10:00:00', '{math,history}', '{"words": 1200, "langs": ["en", "fr"]}', '{"b": 1, "a": 2}'),
    ('00000000-0000-4000-8000-000000000002', 1, null, 'Notes', null, null, 10, false, null, null, '{}', null, null),
    ('00000000-0000-4000-8000-000000000003', 2, 1, 'Moors', 'Wind.', 3.25, 250, true, '2024-02-03T10:00:00.5Z', '2024-02-03T10:00:00.25', '{history}', '{"words": 80000}', '[1, "two"]'),
    ('00000000-0000-4000-8000-000000000004', 2, 3, '100% proof_read', 'Proof.', 5.00, 0, true, '2024-02-04T10:00:00Z', null, '{"a b","c,d"}', '{"words": 5, "langs": []}', '3'),
    ('00000000-0000-4000-8000-000000000005', 3, null, 'Robots', 'R.U.R.', 4.50, 77, false, '2024-02-05T10:00:00Z', null, '{play}', '[]', 'null'),
    ('00000000-0000-4000-8000-000000000006', 5, 4, 'Liberté', '', -1.10, 3, true, '2024-02-06T10:00:00Z', null, '{poem}', '{"words": null}', '{}');
insert into tag values (1, 'science'), (2, 'fiction'), (3, 'unused');
insert into article_tag values
    ('00000000-0000-4000-8000-000000000001', 1),
    ('00000000-0000-4000-8000-000000000003', 2),
    ('00000000-0000-4000-8000-000000000005', 1),
    ('00000000-0000-4000-8000-000000000005', 2);
insert into reading values
    (1, '00000000-0000-4000-8000-000000000001', 10, 2), (2, '00000000-0000-4000-8000-000000000001', 20, 4),
    (3, '00000000-0000-4000-8000-000000000001', 40, 8), (4, '00000000-0000-4000-8000-000000000003', 10, 9),
    (5, '00000000-0000-4000-8000-000000000003', 30, 1), (6, '00000000-0000-4000-8000-000000000004', 5, null),
    (7, '00000000-0000-4000-8000-000000000004', 6, 1);
insert into profile values (1, 'Countess'), (2, null);
insert into archive.edition values
    ('00000000-0000-4000-8000-000000000001', 1, 1e300, 1.5, 12.5, '1 hour 3 minutes', '11:09:23', 'red'),
    ('00000000-0000-4000-8000-000000000001', 2, 0.1, null, null, null, null, 'blue'),
    ('00000000-0000-4000-8000-000000000003', 1, null, 0, 0, '2 days', '00:00', 'red');
insert into "Odd ""table""" values (1, 'x', 'y');
