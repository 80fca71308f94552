-- The whole database of Towpath as it is today. Read this to know it; the migrations lead here, and a test proves that they do.
--
-- Conventions
--   * Ids are UUIDv7 made by the application. tenant_id stands in every table and in every natural key.
--   * A run row is the projection of its append-only history (flow_run_state, task_run_state): version grows by one per state.
--   * An attempt ends with a final state; flow_run.attempt and task_run.attempt count them from 1.
--   * log, flow_run_state, task_run_state, event and outbox are partitioned by id, that is by the time of receipt. They have no foreign
--     keys, so that a partition can be dropped whole; ensure_partitions() makes the weeks ahead, a DEFAULT partition takes what no week does.

-- ---------------------------------------------------------------------------------------------------------------- tenants and access

create table tenant (
    id          uuid primary key,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    name        text not null,
    slug        text not null unique,
    info        jsonb,
    settings    jsonb not null default '{}'
);

create table api_key (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    created     timestamptz not null default now(),
    name        text not null,
    key_hash    text not null unique,                      -- sha256 of the key, hex; the key itself is never stored
    role        text not null check (role in ('admin', 'operator', 'viewer', 'agent')),
    user_id     uuid,
    expires_at  timestamptz,
    last_used   timestamptz,
    unique (tenant_id, name)
);

create table signing_key (
    tenant_id   uuid not null references tenant on delete cascade,
    key_id      text not null,                             -- towpath_proto.signing.key_id
    created     timestamptz not null default now(),
    name        text,
    public_key  bytea not null check (length(public_key) = 32),
    primary key (tenant_id, key_id)
);

create table audit (
    id          uuid primary key,
    tenant_id   uuid references tenant on delete cascade,
    created     timestamptz not null default now(),
    actor       text not null,
    role        text not null,
    action      text not null,                             -- the mutation's name
    entity      text,
    entity_id   uuid,
    detail      jsonb not null default '{}'
);
create index audit_by_tenant on audit (tenant_id, id);

create table secret (
    tenant_id   uuid not null references tenant on delete cascade,
    name        text not null,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    ciphertext  bytea not null,
    key_id      text not null,                             -- names the key that it is encrypted with
    primary key (tenant_id, name)
);

create table key_value (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    key         text not null,
    value       jsonb not null,
    unique (tenant_id, key)
);

-- ------------------------------------------------------------------------------------------------------------------------------ flows

create table project (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    name        text not null,
    description text,
    unique (tenant_id, name)
);

create table flow_group (
    id                 uuid primary key,
    tenant_id          uuid not null references tenant on delete cascade,
    created            timestamptz not null default now(),
    updated            timestamptz not null default now(),
    name               text not null,                      -- the version group's id
    description        text,
    labels             jsonb,
    schedule           jsonb,                              -- overrides the flow's own
    settings           jsonb not null default '{}',
    default_parameters jsonb not null default '{}',
    run_config         jsonb,
    unique (tenant_id, name)
);

-- Code is content-addressed: one row a blob and tenant, however many versions point to it.
create table flow_code (
    tenant_id   uuid not null references tenant on delete cascade,
    hash        text not null check (length(hash) = 64),   -- sha256, hex
    created     timestamptz not null default now(),
    blob        bytea not null,
    primary key (tenant_id, hash)
);

create table flow (
    id                 uuid primary key,
    tenant_id          uuid not null references tenant on delete cascade,
    project_id         uuid not null references project on delete cascade,
    flow_group_id      uuid not null references flow_group on delete cascade,
    created            timestamptz not null default now(),
    updated            timestamptz not null default now(),
    name               text not null,
    version            int not null,
    version_group_id   text not null,
    description        text,
    environment        jsonb,
    run_config         jsonb,
    storage            jsonb,
    parameters         jsonb not null default '[]',
    serialized_flow    jsonb not null,
    schedule           jsonb,
    is_schedule_active boolean not null default false,
    archived           boolean not null default false,
    core_version       text,
    settings           jsonb not null default '{}',
    code_hash          text,
    code_signature     bytea,
    code_key_id        text,
    code_info          jsonb,
    unique (flow_group_id, version),
    foreign key (tenant_id, code_hash) references flow_code (tenant_id, hash)
);
create index flow_by_name on flow (tenant_id, name, version);
create index flow_by_project on flow (project_id);
create index flow_scheduled on flow (id) where is_schedule_active and not archived;

create table task (
    id                uuid primary key,
    tenant_id         uuid not null references tenant on delete cascade,
    flow_id           uuid not null references flow on delete cascade,
    created           timestamptz not null default now(),
    updated           timestamptz not null default now(),
    name              text,
    slug              text not null,
    description       text,
    type              text,
    max_retries       int not null default 0,
    retry_delay       interval,
    trigger           text,
    mapped            boolean not null default false,
    auto_generated    boolean not null default false,
    cache_key         text,
    is_root_task      boolean not null default false,
    is_terminal_task  boolean not null default false,
    is_reference_task boolean not null default false,
    tags              jsonb not null default '[]',
    unique (flow_id, slug)
);

create table edge (
    id                 uuid primary key,
    tenant_id          uuid not null references tenant on delete cascade,
    flow_id            uuid not null references flow on delete cascade,
    created            timestamptz not null default now(),
    upstream_task_id   uuid not null references task on delete cascade,
    downstream_task_id uuid not null references task on delete cascade,
    key                text,
    mapped             boolean not null default false
);
-- two keys between the same tasks are two edges (Prefect Server kept only one of them)
create unique index edge_once on edge (flow_id, downstream_task_id, upstream_task_id, coalesce(key, ''));
create index edge_upstream on edge (upstream_task_id);
create index edge_downstream on edge (downstream_task_id);

-- The clocks of a flow version's schedule, by the stable key of their content; the runs they make name that key.
create table flow_clock (
    flow_id            uuid not null references flow on delete cascade,
    tenant_id          uuid not null references tenant on delete cascade,
    key                text not null,
    position           int not null,
    spec               jsonb not null,
    primary key (flow_id, key)
);

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

-- ------------------------------------------------------------------------------------------------------------------------------ agents

create table agent_config (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    name        text,
    settings    jsonb not null default '{}'
);

create table agent (
    id               uuid primary key,
    tenant_id        uuid not null references tenant on delete cascade,
    agent_config_id  uuid references agent_config on delete set null,
    created          timestamptz not null default now(),
    updated          timestamptz not null default now(),
    name             text not null,
    type             text not null,
    core_version     text not null default '',
    labels           jsonb not null default '[]',
    run_config_types jsonb not null default '[]',
    address          text,
    last_queried     timestamptz not null default now(),
    lease_expires_at timestamptz,                          -- null: it has never claimed (Prefect 1's agents do not)
    unique (tenant_id, name, type, core_version, labels)
);

-- -------------------------------------------------------------------------------------------------------------------------------- runs

create table flow_run (
    id                   uuid primary key,
    tenant_id            uuid not null references tenant on delete cascade,
    flow_id              uuid not null references flow on delete cascade,
    flow_group_id        uuid not null references flow_group on delete cascade,
    created              timestamptz not null default now(),
    updated              timestamptz not null default now(),
    name                 text not null,
    parameters           jsonb not null default '{}',
    context              jsonb not null default '{}',
    labels               jsonb not null default '[]',      -- sorted
    label_key            text not null generated always as (labels::text) stored,
    run_config           jsonb,
    run_config_type      text not null generated always as (coalesce(run_config ->> 'type', 'UniversalRun')) stored,
    scheduled_start_time timestamptz not null,
    auto_scheduled       boolean not null default false,
    schedule_clock       text,                             -- flow_clock.key, for runs made by a schedule
    idempotency_key      text,
    agent_id             uuid references agent on delete set null,
    parent_flow_run_id   uuid references flow_run on delete set null, -- the run that created this one, and its task
    parent_task_id       uuid references task on delete set null,
    parent_map_index     int,
    cancel_with_parent   boolean not null default false,
    trace                text,                             -- W3C traceparent under which it was created

    -- projection of the newest state
    version              int not null default 0,
    attempt              int not null default 1,
    state                text not null,
    state_timestamp      timestamptz not null,
    state_message        text,
    state_result         jsonb,
    state_start_time     timestamptz,
    serialized_state     jsonb not null,
    start_time           timestamptz,
    end_time             timestamptz,
    heartbeat            timestamptz,
    times_resurrected    int not null default 0,           -- lives used in this attempt

    -- offered, owned or waiting: exactly one for every run that has not ended (lazarus looks for those that are none)
    due_at               timestamptz,                      -- offered: may be claimed from then on
    waiting_for          text,                             -- waiting: the named condition
    phase                text check (phase in ('launching', 'running')),
    lease_holder         text,
    lease_expires_at     timestamptz,                      -- owned
    lease_seconds        double precision,
    launch_deadline      timestamptz,
    fence                int not null default 0,           -- grows with each claim
    engine_sequence      int not null default 0,           -- last report taken, by reporter, under this fence
    supervisor_sequence  int not null default 0,
    holds_slots          boolean not null default false,   -- whether concurrency_slot may have rows of this run

    constraint owned_is_whole check (
        (phase is null) = (lease_expires_at is null) and (phase is null) = (lease_holder is null)),
    constraint offered_or_owned_or_waiting check (
        num_nonnulls(due_at, lease_expires_at, waiting_for) <= 1),
    constraint ended_is_at_rest check (
        state not in ('Success', 'Cached', 'Mapped', 'Skipped', 'Failed', 'TimedOut', 'TriggerFailed', 'ValidationFailed', 'Cancelled', 'Looped')
        or (end_time is not null and due_at is null and lease_expires_at is null and waiting_for is null))
);
create unique index flow_run_idempotent on flow_run (flow_id, idempotency_key) where idempotency_key is not null;
create unique index flow_run_scheduled_once on flow_run (flow_group_id, schedule_clock, scheduled_start_time) where schedule_clock is not null;
create index flow_run_offered on flow_run (tenant_id, label_key, run_config_type, due_at) where due_at is not null;
create index flow_run_by_agent on flow_run (agent_id) where agent_id is not null;
create index flow_run_owned on flow_run (lease_expires_at) where lease_expires_at is not null;
create index flow_run_by_parent on flow_run (parent_flow_run_id) where parent_flow_run_id is not null;
create index flow_run_by_parent_task on flow_run (parent_task_id) where parent_task_id is not null;
create index flow_run_stranded on flow_run (id)
    where due_at is null and lease_expires_at is null and waiting_for is null and end_time is null;
create index flow_run_by_flow on flow_run (flow_id, scheduled_start_time desc);
create index flow_run_by_group on flow_run (flow_group_id, scheduled_start_time desc);
create index flow_run_by_tenant on flow_run (tenant_id, scheduled_start_time desc);
create index flow_run_by_state on flow_run (tenant_id, state, state_timestamp desc);
create index flow_run_by_creation on flow_run (tenant_id, created desc);
create index flow_run_by_start on flow_run (tenant_id, start_time desc) where start_time is not null;

create table task_run (
    id               uuid primary key,
    tenant_id        uuid not null references tenant on delete cascade,
    flow_run_id      uuid not null references flow_run on delete cascade,
    task_id          uuid not null references task on delete cascade,
    created          timestamptz not null default now(),
    updated          timestamptz not null default now(),
    map_index        int not null default -1,
    name             text,
    cache_key        text,
    version          int not null default 0,
    attempt          int not null default 1,
    state            text not null,
    state_timestamp  timestamptz not null,
    state_message    text,
    state_result     jsonb,
    state_start_time timestamptz,
    serialized_state jsonb not null,
    start_time       timestamptz,
    end_time         timestamptz,
    heartbeat        timestamptz,
    unique (flow_run_id, task_id, map_index)
);
create index task_run_by_task on task_run (task_id);
create index task_run_cached on task_run (task_id, state_timestamp desc) where state = 'Cached';
create index task_run_cache_key on task_run (tenant_id, cache_key, state_timestamp desc) where cache_key is not null and state = 'Cached';
create index task_run_active on task_run (flow_run_id, state) where state in ('Running', 'Retrying', 'Cancelling', 'Queued');
create index task_run_failed on task_run (tenant_id, state_timestamp desc)
    where state in ('Failed', 'TimedOut', 'TriggerFailed', 'ValidationFailed');

create table flow_run_state (
    id               uuid primary key,
    tenant_id        uuid not null,
    flow_run_id      uuid not null,
    created          timestamptz not null default now(),
    timestamp        timestamptz not null,                 -- the writer's clock
    state            text not null,
    message          text,
    result           jsonb,
    start_time       timestamptz,
    version          int not null,
    attempt          int not null,
    fence            int,
    actor            text,
    serialized_state jsonb not null
) partition by range (id);
create index flow_run_state_by_run on flow_run_state (flow_run_id, version);

create table task_run_state (
    id               uuid primary key,
    tenant_id        uuid not null,
    task_run_id      uuid not null,
    created          timestamptz not null default now(),
    timestamp        timestamptz not null,
    state            text not null,
    message          text,
    result           jsonb,
    start_time       timestamptz,
    version          int not null,
    attempt          int not null,
    fence            int,
    actor            text,
    serialized_state jsonb not null
) partition by range (id);
create index task_run_state_by_run on task_run_state (task_run_id, version);

create table log (
    id                     uuid primary key,
    tenant_id              uuid not null,
    flow_run_id            uuid,
    task_run_id            uuid,
    created                timestamptz not null default now(),
    timestamp              timestamptz not null,
    name                   text,
    level                  text not null default 'INFO',
    message                text,
    info                   jsonb,
    is_loaded_from_archive boolean not null default false
) partition by range (id);
create index log_by_flow_run on log (flow_run_id, timestamp);
create index log_stream on log (flow_run_id, id); -- what came after the last line that was seen
create index log_by_task_run on log (task_run_id, timestamp) where task_run_id is not null;

create table task_run_artifact (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    task_run_id uuid not null references task_run on delete cascade,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    kind        text not null,
    data        jsonb
);
create index task_run_artifact_by_creation on task_run_artifact (task_run_id, created);

-- ------------------------------------------------------------------------------------------------------------------------------ limits

create table concurrency_limit (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    kind        text not null check (kind in ('task_tag', 'flow_label')),
    name        text not null,
    slot_limit  int not null check (slot_limit >= 0),
    unique (tenant_id, kind, name)
);

-- A slot that has not been acquired is a place in the line for it, in the order of ids. It is deleted when its task run is at rest, and when
-- nobody owns its flow run.
create table concurrency_slot (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    limit_id    uuid not null references concurrency_limit on delete cascade,
    flow_run_id uuid not null references flow_run on delete cascade,
    task_run_id uuid references task_run on delete cascade,
    asked       timestamptz not null default now(),
    acquired    timestamptz
);
create unique index concurrency_slot_once on concurrency_slot (limit_id, flow_run_id, coalesce(task_run_id, flow_run_id));
create index concurrency_slot_by_run on concurrency_slot (flow_run_id);
create index concurrency_slot_by_task_run on concurrency_slot (task_run_id) where task_run_id is not null;
create index concurrency_slot_line on concurrency_slot (limit_id, id) where acquired is null;

-- The limits under Prefect Cloud's names, for reading.
create view task_tag_limit as
    select id, tenant_id, created, updated, name as tag, slot_limit as "limit" from concurrency_limit where kind = 'task_tag';
create view flow_concurrency_limit as
    select id, tenant_id, created, updated, name, slot_limit as "limit" from concurrency_limit where kind = 'flow_label';

-- --------------------------------------------------------------------------------------------------------------- messages and hooks

create table message (
    id          uuid primary key,
    tenant_id   uuid not null references tenant on delete cascade,
    created     timestamptz not null default now(),
    updated     timestamptz not null default now(),
    read        boolean not null default false,
    type        text,
    text        text,
    content     jsonb
);
create index message_by_tenant on message (tenant_id, id);

create table cloud_hook (
    id               uuid primary key,
    tenant_id        uuid not null references tenant on delete cascade,
    created          timestamptz not null default now(),
    updated          timestamptz not null default now(),
    name             text,
    type             text not null,
    states           jsonb not null default '[]',
    config           jsonb not null default '{}',
    active           boolean not null default true,
    version_group_id text,
    sealed           bytea,
    key_id           text,
    last_attempt     timestamptz,
    last_status      text check (last_status in ('delivered', 'retrying', 'failed')),
    last_error       text,
    last_attempts    int
);
create index cloud_hook_by_tenant on cloud_hook (tenant_id) where active;

-- What is to be told to a hook, until it has been told or given up. Its id is the event's.
create table hook_delivery (
    id        uuid primary key,
    tenant_id uuid not null references tenant on delete cascade,
    hook_id   uuid not null references cloud_hook on delete cascade,
    created   timestamptz not null default now(),
    due_at    timestamptz not null,
    attempts  int not null default 0,
    event     jsonb not null,
    told      int[] not null default '{}'
);
create index hook_delivery_by_tenant on hook_delivery (tenant_id, due_at);
create index hook_delivery_by_hook on hook_delivery (hook_id);

-- ------------------------------------------------------------------------------------------------------------------ events and outbox

-- What happened, kept for people and for later consumers.
create table event (
    id          uuid primary key,
    tenant_id   uuid not null,
    occurred_at timestamptz not null default now(),
    type        text not null,
    entity_id   uuid not null,
    data        jsonb not null
) partition by range (id);
create index event_by_tenant on event (tenant_id, type, id);

-- What the relay has still to publish; a published row is deleted in the transaction that published it.
create table outbox (
    id          uuid primary key,
    tenant_id   uuid not null,
    occurred_at timestamptz not null default now(),
    type        text not null,
    entity_id   uuid not null,
    data        jsonb not null,
    trace       text
) partition by range (id);

-- The reap gate (architecture §4): when the write path last answered, and until when no lease counts as expired.
create table write_path (
    only_row          boolean primary key default true check (only_row),
    answered_at       timestamptz,
    gate_closed_until timestamptz
);
insert into write_path (only_row) values (true);

-- -------------------------------------------------------------------------------------------------------------------------- partitions

-- The smallest UUIDv7 of a moment.
create function uuid7_floor(moment timestamptz) returns uuid
    language sql immutable strict parallel safe
    as $$ select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid $$;

create table log_default partition of log default;
create table flow_run_state_default partition of flow_run_state default;
create table task_run_state_default partition of task_run_state default;
create table event_default partition of event default;
create table outbox_default partition of outbox default;

-- Makes the weekly partitions from the current week to `weeks` ahead; returns how many it made. Safe to call at any time, by any replica.
create function ensure_partitions(weeks int default 3) returns int
    language plpgsql as $$
declare
    parent text;
    week timestamptz;
    part text;
    made int := 0;
begin
    perform pg_advisory_xact_lock(7446201);
    foreach parent in array array['log', 'flow_run_state', 'task_run_state', 'event', 'outbox'] loop
        for i in 0..weeks loop
            week := date_trunc('week', now() at time zone 'UTC') at time zone 'UTC' + make_interval(weeks => i);
            part := format('%s_%s', parent, to_char(week at time zone 'UTC', 'YYYYMMDD'));
            continue when to_regclass(part) is not null;
            -- rows that came before their partition was there stay in the DEFAULT one; the week then begins after them
            begin
                execute format('create table %I partition of %I for values from (%L) to (%L)',
                               part, parent, uuid7_floor(week), uuid7_floor(week + interval '1 week'));
                made := made + 1;
            exception when check_violation then
                raise warning 'partition % cannot be made: rows of its week are in %_default', part, parent;
            end;
        end loop;
    end loop;
    return made;
end $$;

-- ------------------------------------------------------------------------------------------------------------------------------- hooks

-- A delivery for each active hook that a new state of a flow run matches, in the transaction of the state, whatever writes it. Its id is
-- made of the state and the hook, in the order of states: told twice it is the same event.
create function make_hook_deliveries() returns trigger
    language plpgsql as $$
begin
    insert into hook_delivery (id, tenant_id, hook_id, due_at, event)
    select (left(replace(n.id::text, '-', ''), 20) || right(md5(n.id::text || h.id::text), 12))::uuid, n.tenant_id, h.id, now(),
           jsonb_build_object(
               'timestamp', n.timestamp, 'type', 'FlowRunStateChange', 'is_test_event', false,
               'flow_run', jsonb_build_object('id', r.id, 'name', r.name),
               'state', jsonb_build_object('id', n.id, 'state', n.state, 'message', n.message, 'version', n.version, 'timestamp', n.timestamp),
               'flow', jsonb_build_object('id', f.id, 'name', f.name, 'version', f.version, 'version_group_id', f.version_group_id),
               'tenant', jsonb_build_object('id', t.id, 'name', t.name, 'slug', t.slug))
    from new_states n
    join cloud_hook h on h.tenant_id = n.tenant_id and h.active and h.states ? upper(n.state)
    join flow_run r on r.id = n.flow_run_id
    join flow f on f.id = r.flow_id and (h.version_group_id is null or h.version_group_id = f.version_group_id)
    join tenant t on t.id = n.tenant_id
    on conflict (id) do nothing;
    return null;
end $$;
create trigger make_hook_deliveries after insert on flow_run_state
    referencing new table as new_states for each statement execute function make_hook_deliveries();
