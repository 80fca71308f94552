-- Which tasks come after certain tasks, and which before: Prefect Server's functions, for dashboards. The table is the type of their rows.
create table utility_traversal (
    tenant_id uuid not null,
    task_id   uuid not null,
    depth     int not null
);
create function utility_downstream_tasks(start_task_ids uuid[], depth_limit int default 50) returns setof utility_traversal
language sql stable as $$
    with recursive found as (
        select tenant_id, id as task_id, 0 as depth from task where id = any (start_task_ids)
        union
        select edge.tenant_id, edge.downstream_task_id, found.depth + 1
        from found join edge on edge.upstream_task_id = found.task_id where found.depth < depth_limit
    )
    select tenant_id, task_id, min(depth) from found group by tenant_id, task_id
$$;
create function utility_upstream_tasks(start_task_ids uuid[], depth_limit int default 50) returns setof utility_traversal
language sql stable as $$
    with recursive found as (
        select tenant_id, id as task_id, 0 as depth from task where id = any (start_task_ids)
        union
        select edge.tenant_id, edge.upstream_task_id, found.depth + 1
        from found join edge on edge.downstream_task_id = found.task_id where found.depth < depth_limit
    )
    select tenant_id, task_id, min(depth) from found group by tenant_id, task_id
$$;
