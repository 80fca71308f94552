-- One JSON document with every table, view, foreign key and function of the database that is neither PostgreSQL's own nor an
-- extension's. Types carry what decides behaviour: the type under a domain, the element of an array, whether it is a row type, and
-- for a type of an extension where the extension lives, and whether values have the order of an operator `>` beside the type.
with recursive relation as (
    select c.oid, n.nspname, c.relname, c.relkind, c.relkind <> 'p' and c.relhassubclass as inherited
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm', 'f', 'p')
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and n.nspname not like 'pg\_temp\_%'
),
-- the type under each domain, which may be one over another domain
domains as (
    select t.oid as domain, t.typbasetype as oid from pg_catalog.pg_type t where t.typtype = 'd'
    union all
    select d.domain, t.typbasetype from domains d join pg_catalog.pg_type t on t.oid = d.oid where t.typtype = 'd'
),
under as (
    select d.domain, d.oid from domains d join pg_catalog.pg_type t on t.oid = d.oid where t.typtype <> 'd'
),
typed as (
    select t.oid, n.nspname, t.typname,
           coalesce(b.typname, t.typname) as base,
           coalesce(b.oid, t.oid) as base_oid,
           coalesce(b.typtype, t.typtype) as kind,
           coalesce(b.typcategory, t.typcategory) as category,
           coalesce(b.typelem, t.typelem) as element,
           -- a type written in C whose comparisons nobody here knows
           coalesce(b.typtype, t.typtype) = 'b' and coalesce(b.typnamespace, t.typnamespace) <> 'pg_catalog'::regnamespace
               and coalesce(b.typcategory, t.typcategory) <> 'A' and coalesce(b.typname, t.typname) not in ('citext', 'ltree') as is_foreign,
           t.typrelid as row_of,
           (
               select x.nspname
               from pg_catalog.pg_depend d
               join pg_catalog.pg_namespace x on x.oid = coalesce(b.typnamespace, t.typnamespace)
               where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = coalesce(b.oid, t.oid) and d.deptype = 'e'
           ) as home
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join under u on u.domain = t.oid
    left join pg_catalog.pg_type b on b.oid = u.oid
),
unordered as (
    select t.oid
    from pg_catalog.pg_type t
    where t.typtype = 'b' and not (t.typcategory = 'A' and t.typelem <> 0) and not exists (
        select
        from pg_catalog.pg_opclass o
        join pg_catalog.pg_am m on m.oid = o.opcmethod and m.amname = 'btree'
        join pg_catalog.pg_amop s on s.amopfamily = o.opcfamily and s.amoplefttype = o.opcintype and s.amoprighttype = o.opcintype
        join pg_catalog.pg_operator p on p.oid = s.amopopr
        where o.opcdefault and s.amopstrategy = 5 and p.oprname = '>' and p.oprnamespace = t.typnamespace and (
            o.opcintype = t.oid or exists (
                select
                from pg_catalog.pg_cast c
                where c.castsource = t.oid and c.casttarget = o.opcintype and c.castmethod = 'b' and c.castcontext = 'i'
            )
        )
    )
    union
    select h.oid
    from unordered u
    join (
        -- domains, arrays, rows
        select t.oid, t.typbasetype as held from pg_catalog.pg_type t
        union all
        select t.oid, t.typelem from pg_catalog.pg_type t where t.typcategory = 'A'
        union all
        select t.oid, a.atttypid
        from pg_catalog.pg_type t
        join pg_catalog.pg_attribute a on a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) h on h.held = u.oid
),
described as (
    select t.oid,
           json_build_object(
               'schema', t.nspname, 'name', t.typname, 'base', t.base, 'composite', t.kind = 'c', 'foreign', t.is_foreign, 'home', t.home,
               'ordered', t.oid not in (select u.oid from unordered u)
           ) as type,
           case when t.category = 'A' then json_build_object(
               'schema', e.nspname, 'name', e.typname, 'base', e.base, 'composite', e.kind = 'c', 'foreign', e.is_foreign, 'home', e.home,
               'ordered', e.oid not in (select u.oid from unordered u)
           ) end as element,
           case when r.oid is not null then json_build_object('schema', r.nspname, 'name', r.relname) end as row
    from typed t
    left join typed e on e.oid = t.element and t.category = 'A'
    left join relation r on r.oid = t.row_of
)
select json_build_object(
    'tables', coalesce((
        select json_agg(json_build_object(
            'schema', r.nspname,
            'name', r.relname,
            'comment', pg_catalog.obj_description(r.oid, 'pg_class'),
            'inherited', r.inherited,
            'columns', coalesce((
                select json_agg(json_build_object(
                    'name', a.attname,
                    'not_null', a.attnotnull,
                    'comment', pg_catalog.col_description(r.oid, a.attnum),
                    -- of a view PostgreSQL says which columns are those of a table, for these can be updated
                    'stored', a.attgenerated <> 'v' and (r.relkind <> 'v' or pg_catalog.pg_column_is_updatable(r.oid, a.attnum, false)),
                    'type', t.type,
                    'element', t.element
                ) order by a.attnum)
                from pg_catalog.pg_attribute a
                join described t on t.oid = a.atttypid
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
    ), '[]'::json),
    'functions', coalesce((
        select json_agg(json_build_object(
            'schema', n.nspname,
            'name', p.proname,
            'comment', pg_catalog.obj_description(p.oid, 'pg_proc'),
            'arguments', coalesce((
                select json_agg(json_build_object(
                    'name', inputs.names[k.position],
                    'type', t.type,
                    'element', t.element,
                    'row', t.row
                ) order by k.position)
                from unnest(p.proargtypes::oid[]) with ordinality k (type, position)
                join described t on t.oid = k.type
            ), '[]'::json),
            'defaults', p.pronargdefaults,
            'type', t.type,
            'element', t.element,
            'row', t.row,
            'set', p.proretset,
            'volatile', p.provolatile = 'v',
            'variadic', p.provariadic <> 0
        ) order by p.oid)
        from pg_catalog.pg_proc p
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        join described t on t.oid = p.prorettype
        cross join lateral (
            select case when p.proargmodes is null then p.proargnames else array(
                select u.name
                from unnest(p.proargnames, p.proargmodes) with ordinality u (name, mode, position)
                where u.mode in ('i', 'b', 'v')
                order by u.position
            ) end as names
        ) inputs
        where p.prokind = 'f'
          and n.nspname not in ('pg_catalog', 'information_schema')
          and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    ), '[]'::json)
)::text
