-- One JSON document with every table, view and foreign key of the database that is not PostgreSQL's own.
-- Types carry what decides behaviour: the type under a domain, the element of an array, whether it is a row type.
with relation as (
    select c.oid, n.nspname, c.relname, c.relkind
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm', 'f', 'p')
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and n.nspname not like 'pg\_temp\_%'
),
typed as (
    select t.oid, n.nspname, t.typname,
           coalesce(b.typname, t.typname) as base,
           coalesce(b.oid, t.oid) as base_oid,
           coalesce(b.typtype, t.typtype) as kind,
           coalesce(b.typcategory, t.typcategory) as category,
           coalesce(b.typelem, t.typelem) as element
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
)
select json_build_object(
    'tables', coalesce((
        select json_agg(json_build_object(
            'schema', r.nspname,
            'name', r.relname,
            'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
            'columns', coalesce((
                select json_agg(json_build_object(
                    'name', a.attname,
                    'not_null', a.attnotnull,
                    'comment', pg_catalog.col_description(r.oid, a.attnum),
                    'type', json_build_object('schema', t.nspname, 'name', t.typname, 'base', t.base, 'composite', t.kind = 'c'),
                    'element', case when t.category = 'A' then
                        json_build_object('schema', e.nspname, 'name', e.typname, 'base', e.base, 'composite', e.kind = 'c') end
                ) order by a.attnum)
                from pg_catalog.pg_attribute a
                join typed t on t.oid = a.atttypid
                left join typed e on e.oid = t.element and t.category = 'A'
                where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
            ), '[]'::json),
            'keys', coalesce((
                select json_agg(json_build_object('primary', i.indisprimary, 'columns', (
                    select json_agg(a.attname order by k.position)
                    from unnest(i.indkey::int2[]) with ordinality k (attnum, position)
                    join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum = k.attnum
                    where k.position <= i.indnkeyatts
                )) order by i.indexrelid)
                from pg_catalog.pg_index i
                where i.indrelid = r.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
            ), '[]'::json)
        ))
        from relation r
    ), '[]'::json),
    'foreign_keys', coalesce((
        select json_agg(json_build_object(
            'schema', r.nspname, 'table', r.relname,
            'remote_schema', f.nspname, 'remote_table', f.relname,
            'columns', (
                select json_agg(json_build_array(a.attname, b.attname) order by k.position)
                from unnest(x.conkey, x.confkey) with ordinality k (here, there, position)
                join pg_catalog.pg_attribute a on a.attrelid = x.conrelid and a.attnum = k.here
                join pg_catalog.pg_attribute b on b.attrelid = x.confrelid and b.attnum = k.there
            )
        ) order by x.oid)
        from pg_catalog.pg_constraint x
        join relation r on r.oid = x.conrelid
        join relation f on f.oid = x.confrelid
        where x.contype = 'f'
    ), '[]'::json)
)::text
