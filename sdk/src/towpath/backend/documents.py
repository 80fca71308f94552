"""The GraphQL documents of the views, as text. They ask for nothing that a viewer or a run's own token may not read."""

from __future__ import annotations

_FLOW = "id name version archived flow_group_id core_version parameters project { id name }"

FLOW = f"query($id: uuid!) {{ flow_by_pk(id: $id) {{ {_FLOW} }} }}"

FLOWS = f"query($where: flow_bool_exp!) {{ flow(where: $where, order_by: [{{version: desc}}], limit: 100) {{ {_FLOW} }} }}"

FLOW_RUN = """query($id: uuid!) { flow_run_by_pk(id: $id) {
  id name flow_id labels parameters serialized_state updated parent_flow_run_id
  states(order_by: [{version: asc}]) { serialized_state } } }"""

_TASK_RUN = "id name map_index flow_run_id serialized_state task { id slug }"

TASK_RUN = f"query($id: uuid!) {{ task_run_by_pk(id: $id) {{ {_TASK_RUN} }} }}"

TASK_RUNS = f"""query($where: task_run_bool_exp!) {{
  task_run(where: $where, order_by: [{{id: asc}}]) {{ {_TASK_RUN} }} }}"""

PROGRESS = """query($id: uuid!, $version: Int!) { flow_run_by_pk(id: $id) {
  id name state states(where: {version: {_gt: $version}}, order_by: [{version: asc}]) { version state message timestamp } } }"""
