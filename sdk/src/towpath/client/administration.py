"""Who may use an API, and who is told of its runs: API keys and hooks. Mixed into `Client`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from towpath.client import documents
from towpath.client.asking import Asking, Row

API_KEYS = "query { api_keys { id name role created expires_at last_used } }"
CREATE_API_KEY = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }"
DELETE_API_KEY = "mutation($input: delete_api_key_input!) { delete_api_key(input: $input) { success } }"
HOOKS = """query { cloud_hook(order_by: [{created: asc}, {id: asc}]) {
  id name type states config active version_group_id created last_attempt last_status last_error last_attempts } }"""
CREATE_HOOK = "mutation($input: create_cloud_hook_input!) { create_cloud_hook(input: $input) { id secret } }"
DELETE_HOOK = "mutation($input: delete_cloud_hook_input!) { delete_cloud_hook(input: $input) { success } }"
TEST_HOOK = "mutation($input: test_cloud_hook_input!) { test_cloud_hook(input: $input) { success error } }"


class Administration(Asking):
    """API keys and hooks of a tenant; keys are for its admins."""

    # ------------------------------------------------------------------------------------------------------------------------- API keys

    def create_api_key(self, name: str, *, role: str = "operator", expires_at: datetime | None = None) -> Row:
        """Make an API key for this client's tenant.

        Args:
            name: Its name, which no other key of the tenant has.
            role: `admin`, `operator`, `viewer` or `agent`.
            expires_at: From when on it is refused; never by default.

        Returns:
            `id` and `key`. The API keeps a hash only: nobody can read the key again.

        Raises:
            TowpathError: `UNIQUENESS_VIOLATION`, `FORBIDDEN`, `BAD_REQUEST` for an unknown role.
        """
        wanted = {"name": name, "role": role, "expires_at": None if expires_at is None else expires_at.isoformat()}
        return dict(self.graphql(CREATE_API_KEY, {"input": wanted})["create_api_key"])

    def get_api_keys(self) -> list[Row]:
        """All API keys of the tenant, without the keys themselves: id, name, role, created, expires_at, last_used."""
        return list(self.graphql(API_KEYS)["api_keys"])

    def delete_api_key(self, key_id: str) -> None:
        """Revoke an API key; one that is not there is an error with the code NOT_FOUND."""
        self.graphql(DELETE_API_KEY, {"input": {"key_id": key_id}})

    # ---------------------------------------------------------------------------------------------------------------------------- hooks

    def create_hook(
        self,
        type: str,  # noqa: A002 - the API's name
        *,
        states: Sequence[str],
        config: Mapping[str, Any] | None = None,
        name: str | None = None,
        version_group_id: str | None = None,
    ) -> Row:
        """Tell somebody when flow runs enter a state; a hook like one that is there is that one.

        Args:
            type: `WEBHOOK`, `SLACK_WEBHOOK`, `PAGERDUTY`, `TWILIO`, or `PREFECT_MESSAGE` for a message in the inbox.
            states: Kinds of states, such as `FAILED` and `TIMEDOUT`; each matches itself only.
            config: What it is sent with, by type: see `create_cloud_hook_input` of the schema. It is kept encrypted.
            name: For people.
            version_group_id: The flow whose runs it is about; all flows by default.

        Returns:
            `id`, and `secret`, which signs what a WEBHOOK gets (Standard Webhooks).

        Raises:
            TowpathError: `BAD_REQUEST`, `BAD_STATE`, `FORBIDDEN`; `BAD_SETTING` where the installation has no encryption key.
        """
        wanted = {
            "tenant_id": self.graphql(documents.AUTH_INFO)["auth_info"]["tenant_id"],
            "type": type,
            "states": list(states),
            "config": dict(config or {}),
            "name": name,
            "version_group_id": version_group_id,
        }
        return dict(self.graphql(CREATE_HOOK, {"input": wanted})["create_cloud_hook"])

    def get_hooks(self) -> list[Row]:
        """All hooks, oldest first, with what became of their last event; secrets of a config are not in it."""
        return list(self.graphql(HOOKS)["cloud_hook"])

    def delete_hook(self, hook_id: str) -> None:
        """Delete a hook, with what it has not been told yet."""
        self.graphql(DELETE_HOOK, {"input": {"cloud_hook_id": hook_id}})

    def try_hook(self, hook_id: str, *, flow_run_id: str | None = None, state_type: str = "SUCCESS") -> str | None:
        """Send a hook one event at once, marked as a test.

        Args:
            hook_id: The hook; it need not be active.
            flow_run_id: The flow run that the event tells of; an example by default.
            state_type: `SCHEDULED`, `SUBMITTED`, `RUNNING`, `SUCCESS` or `FAILED`.

        Returns:
            Why it could not be told; None when it was.

        Raises:
            TowpathError: `NOT_FOUND` for the hook or the flow run.
        """
        wanted = {"cloud_hook_id": hook_id, "flow_run_id": flow_run_id, "state_type": state_type}
        answer = self.graphql(TEST_HOOK, {"input": wanted})["test_cloud_hook"]
        return None if answer["success"] else str(answer["error"])
