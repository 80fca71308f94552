"""The GraphQL documents that the client sends, as text. No logic here."""

from __future__ import annotations

AUTH_INFO = "query { auth_info { tenant_id user_id role actor } }"

ADD_SIGNING_KEY = "mutation($input: add_signing_key_input!) { add_signing_key(input: $input) { success } }"

REGISTER_FLOW = """mutation($input: register_flow_input!) {
  register_flow(input: $input) { flow_id flow_group_id version created } }"""

CREATE_PROJECT = "mutation($input: create_project_input!) { create_project(input: $input) { id } }"

CREATE_FLOW_RUN = "mutation($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }"

CREATE_FLOW_RUNS = "mutation($input: create_flow_runs_input!) { create_flow_runs(input: $input) { results } }"

CANCEL_FLOW_RUN = "mutation($input: cancel_flow_run_input!) { cancel_flow_run(input: $input) { state } }"

RESTART_FLOW_RUN = "mutation($input: restart_flow_run_input!) { restart_flow_run(input: $input) { success error } }"

SET_STATES = "mutation($input: set_states_input!) { set_states(input: $input) { results } }"

_RUN_FIELDS = """id name flow_id state state_message state_timestamp version attempt labels run_config_type parameters
  scheduled_start_time start_time end_time created agent_id
  flow { id name version core_version code_hash project { id name } }"""

FLOW_RUN = f"""query($id: uuid!) {{ flow_run_by_pk(id: $id) {{
  {_RUN_FIELDS} serialized_state states(order_by: [{{version: asc}}]) {{ version state message timestamp }}
  parent {{ id name flow {{ name }} }} parent_task {{ slug }} parent_map_index
  children(order_by: [{{id: asc}}], limit: 100) {{ id name state flow {{ name }} }} }} }}"""

FLOW_RUNS = f"""query($where: flow_run_bool_exp!, $limit: Int!) {{
  flow_run(where: $where, order_by: [{{scheduled_start_time: desc}}, {{id: desc}}], limit: $limit) {{ {_RUN_FIELDS} }} }}"""

TASK_RUNS = """query($where: task_run_bool_exp!, $limit: Int!) {
  task_run(where: $where, order_by: [{id: asc}], limit: $limit) {
    id name map_index state state_message state_timestamp version attempt start_time end_time flow_run_id task { id name slug } } }"""

LOGS = """query($where: log_bool_exp!, $limit: Int!) {
  log(where: $where, order_by: [{id: asc}], limit: $limit) {
    id timestamp level name message flow_run_id task_run_id task_run { name map_index task { name slug } } } }"""

FLOWS = """query($where: flow_bool_exp!, $limit: Int!) {
  flow(where: $where, order_by: [{name: asc}, {version: desc}], limit: $limit) {
    id name version archived created is_schedule_active flow_group_id version_group_id project { id name } } }"""

FIND_FLOW = """query($where: flow_bool_exp!) {
  flow(where: $where, order_by: [{version: desc}], limit: 100) {
    id name version archived flow_group_id parameters project { id name } } }"""

PROJECTS = "query { project(order_by: [{name: asc}]) { id name description created } }"

AGENTS = (
    "query { agent(order_by: [{last_queried: desc}]) { id name type labels run_config_types core_version address last_queried created } }"
)

TASKS = """query($where: task_bool_exp!, $limit: Int!) {
  task(where: $where, order_by: [{slug: asc}], limit: $limit) {
    id name slug type mapped max_retries retry_delay trigger tags flow { id name version } } }"""

FLOW_RUN_EVENTS = "subscription($id: UUID!) { flow_run_events(flow_run_id: $id) { type state } }"

LOG_STREAM = """subscription($id: UUID!, $after_id: UUID) {
  log_stream(flow_run_id: $id, after_id: $after_id) { logs { id } } }"""

_FLOW_FIELDS = """id name version archived created description is_schedule_active flow_group_id version_group_id parameters schedule
  project { id name } flow_group { schedule default_parameters }"""

FLOW = f"""query($id: uuid!) {{ flow_by_pk(id: $id) {{
  {_FLOW_FIELDS} storage core_version code_hash code_key_id code_info
  tasks(order_by: [{{slug: asc}}]) {{ id name slug type mapped max_retries retry_delay trigger tags }}
  edges {{ upstream_task {{ slug }} downstream_task {{ slug }} key mapped }}
  flow_runs(order_by: [{{scheduled_start_time: desc}}], limit: 5, where: {{state: {{_neq: "Scheduled"}}}}) {{
    id name state scheduled_start_time start_time end_time }} }} }}"""

FLOW_RUN_CONFIG = "query($id: uuid!) { flow_by_pk(id: $id) { run_config } }"
"""By itself, since its env may hold secrets: a viewer may not read it."""

CURRENT_FLOWS = f"""query($where: flow_bool_exp!, $limit: Int!) {{
  flow(where: $where, order_by: [{{name: asc}}], limit: $limit) {{ {_FLOW_FIELDS} }} }}"""

FLOW_VERSIONS = """query($group: uuid!) { flow(where: {flow_group_id: {_eq: $group}}, order_by: [{version: asc}]) {
  id version archived flow_runs_aggregate { aggregate { count } } } }"""

TASK_RUN = """query($id: uuid!) { task_run_by_pk(id: $id) {
  id name map_index state state_message state_timestamp version attempt start_time end_time cache_key serialized_state
  task { id name slug type mapped max_retries retry_delay trigger tags }
  flow_run { id name state flow { id name version } }
  states(order_by: [{version: asc}]) { version state message timestamp } } }"""

LAST_LOGS = """query($where: log_bool_exp!, $limit: Int!) {
  log(where: $where, order_by: [{id: desc}], limit: $limit) {
    id timestamp level name message flow_run_id task_run_id task_run { name map_index task { name slug } } } }"""

_AGENT_FIELDS = "id name type labels run_config_types core_version address last_queried created"

AGENTS_WHERE = f"""query($where: agent_bool_exp!) {{
  agent(where: $where, order_by: [{{last_queried: desc}}], limit: 20) {{ {_AGENT_FIELDS} }} }}"""

SET_SCHEDULE_ACTIVE = "mutation($input: set_schedule_active_input!) { set_schedule_active(input: $input) { success } }"

SET_SCHEDULE_INACTIVE = "mutation($input: set_schedule_inactive_input!) { set_schedule_inactive(input: $input) { success } }"

ARCHIVE_FLOW = "mutation($input: archive_flow_input!) { archive_flow(input: $input) { success } }"

DELETE_FLOW = "mutation($input: delete_flow_input!) { delete_flow(input: $input) { success } }"

DELETE_FLOW_RUN = "mutation($input: delete_flow_run_input!) { delete_flow_run(input: $input) { success } }"

DELETE_PROJECT = "mutation($input: delete_project_input!) { delete_project(input: $input) { success } }"

DELETE_AGENT = "mutation($input: delete_agent_input!) { delete_agent(input: $input) { success } }"

TASK_RUN_EVENTS = "subscription($id: UUID!) { task_run_events(flow_run_id: $id) { type count } }"

RUN_GRAPH = """query($id: uuid!) { flow_run_by_pk(id: $id) { id flow { name
  tasks(order_by: [{id: asc}]) { slug name mapped }
  edges { upstream_task { slug } downstream_task { slug } } } } }"""

RUN_PROGRESS = """query($id: uuid!, $lines: Int!) {
  flow_run_by_pk(id: $id) { id name state state_message start_time end_time attempt labels run_config_type
    flow { core_version code_hash } }
  task_run(where: {flow_run_id: {_eq: $id}, map_index: {_eq: -1}}) {
    id state state_message start_time end_time attempt planned: serialized_state(path: "n_map_states") task { slug } }
  log(where: {flow_run_id: {_eq: $id}}, order_by: [{id: desc}], limit: $lines) {
    id timestamp level name message task_run { map_index task { name } } }
  #counts
}"""
"""What the live view reads in one go; `#counts` is replaced by one `mapped_children` for each task that has been spread."""
