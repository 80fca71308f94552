"""The GraphQL documents that an agent sends, as text."""

from __future__ import annotations

REGISTER = "mutation($input: register_agent_input!) { register_agent(input: $input) { id } }"

CLAIM = """mutation($input: claim_flow_runs_input!) { claim_flow_runs(input: $input) { next_due now
  runs { id name flow_id flow_name version fence run_token lease_expires_at scheduled_start_time labels run_config storage
         parent_flow_run_id traceparent } } }"""

RENEW = "mutation($input: renew_leases_input!) { renew_leases(input: $input) { results } }"

RELEASE = "mutation($input: release_run_input!) { release_run(input: $input) { success } }"

WORK = "subscription($id: UUID!) { agent_work(agent_id: $id) { reason flow_run_id } }"

WRITE_LOGS = "mutation($input: write_run_logs_input!) { write_run_logs(input: $input) { success } }"
