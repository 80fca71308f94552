-- Hooks on states of flow runs. Nothing has written to cloud_hook before: what a hook is sent with is sealed from now on.
alter table cloud_hook
    add column sealed bytea,
    add column key_id text,
    add column last_attempt timestamptz,
    add column last_status text check (last_status in ('delivered', 'retrying', 'failed')),
    add column last_error text,
    add column last_attempts int;
create index cloud_hook_by_tenant on cloud_hook (tenant_id) where active;

-- What is to be told to a hook, until it has been told or given up. Its id is the event's.
create table hook_delivery (
    id        uuid primary key,
    tenant_id uuid not null references tenant on delete cascade,
    hook_id   uuid not null references cloud_hook on delete cascade,
    created   timestamptz not null default now(),
    due_at    timestamptz not null,
    attempts  int not null default 0,
    event     jsonb not null
);
create index hook_delivery_by_due on hook_delivery (due_at);
create index hook_delivery_by_hook on hook_delivery (hook_id);

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
