"""What an API keeps for flows besides their runs: secrets, key-value pairs, concurrency limits. Mixed into `Client`."""

from __future__ import annotations

from typing import Any

from towpath.client.asking import Asking, Row
from towpath_proto.errors import Code, TowpathError

SET_SECRET = "mutation($input: set_secret_input!) { set_secret(input: $input) { success } }"
DELETE_SECRET = "mutation($input: delete_secret_input!) { delete_secret(input: $input) { success } }"
SECRET_VALUE = "query($name: String!) { secret_value(name: $name) }"
SECRET_NAMES = "query { secret_names }"
SET_KEY_VALUE = "mutation($input: set_key_value_input!) { set_key_value(input: $input) { id } }"
DELETE_KEY_VALUE = "mutation($input: delete_key_value_input!) { delete_key_value(input: $input) { success } }"
KEY_VALUE = "query($key: String!) { key_value(where: {key: {_eq: $key}}) { id value } }"
KEYS = "query { key_value(order_by: [{key: asc}]) { id key updated } }"
_USE = """running: slots_aggregate(where: {acquired: {_is_null: false}}) { aggregate { count } }
  waiting: slots_aggregate(where: {acquired: {_is_null: true}}) { aggregate { count } }"""
LIMITS = f"""query {{
  task_tag_limit(order_by: [{{tag: asc}}]) {{ id tag limit {_USE} }}
  flow_concurrency_limit(order_by: [{{name: asc}}]) {{ id name limit {_USE} }} }}"""
UPDATE_TAG_LIMIT = "mutation($input: update_task_tag_limit_input!) { update_task_tag_limit(input: $input) { id } }"
DELETE_TAG_LIMIT = "mutation($input: delete_task_tag_limit_input!) { delete_task_tag_limit(input: $input) { success } }"
UPDATE_LABEL_LIMIT = """mutation($input: update_flow_concurrency_limit_input!) {
  update_flow_concurrency_limit(input: $input) { id } }"""
DELETE_LABEL_LIMIT = """mutation($input: delete_flow_concurrency_limit_input!) {
  delete_flow_concurrency_limit(input: $input) { success } }"""


class Keeping(Asking):
    """Secrets, key-value pairs and concurrency limits of a tenant."""

    # -------------------------------------------------------------------------------------------------------------------------- secrets

    def set_secret(self, name: str, value: Any) -> None:
        """Keep a secret, or change it. The API encrypts it before it stores it.

        Args:
            name: Its name.
            value: Any JSON value, 64 KiB at most.
        """
        self.graphql(SET_SECRET, {"input": {"name": name, "value": value}})

    def get_secret(self, name: str) -> Any:
        """A secret's value; flows use `towpath.client.Secret`, which looks in other places first. Each read is in the audit trail.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        return self.graphql(SECRET_VALUE, {"name": name})["secret_value"]

    def get_secret_names(self) -> list[str]:
        """Names of all secrets, in order."""
        return list(self.graphql(SECRET_NAMES)["secret_names"])

    def delete_secret(self, name: str) -> None:
        """Delete a secret; one that is not there is an error with the code NOT_FOUND."""
        self.graphql(DELETE_SECRET, {"input": {"name": name}})

    # ------------------------------------------------------------------------------------------------------------------------ key-value

    def set_key_value(self, key: str, value: Any) -> str:
        """Keep a value under a key, or change it; the pair's id.

        Args:
            key: The key.
            value: Any JSON value but null, 10 KB at most.
        """
        return str(self.graphql(SET_KEY_VALUE, {"input": {"key": key, "value": value}})["set_key_value"]["id"])

    def get_key_value(self, key: str) -> Any:
        """The value under a key.

        Raises:
            TowpathError: `NOT_FOUND`.
        """
        return self._pair(key)["value"]

    def get_keys(self) -> list[Row]:
        """All keys, in order: id, key, updated."""
        return list(self.graphql(KEYS)["key_value"])

    def delete_key_value(self, key: str) -> None:
        """Delete the value under a key; one that is not there is an error with the code NOT_FOUND."""
        self.graphql(DELETE_KEY_VALUE, {"input": {"key_value_id": self._pair(key)["id"]}})

    def _pair(self, key: str) -> Row:
        found = self.graphql(KEY_VALUE, {"key": key})["key_value"]
        if not found:
            raise TowpathError(Code.NOT_FOUND, f"No value found for key: {key}. See `towpath kv list` for the keys.")
        return dict(found[0])

    # --------------------------------------------------------------------------------------------------------------------------- limits

    def get_limits(self) -> list[Row]:
        """All concurrency limits: id, kind (`tag` or `label`), name, limit, and how many run and wait."""
        answer = self.graphql(LIMITS)
        rows = [("tag", row["tag"], row) for row in answer["task_tag_limit"]]
        rows += [("label", row["name"], row) for row in answer["flow_concurrency_limit"]]
        counts = ("running", "waiting")
        return [
            {"id": r["id"], "kind": kind, "name": name, "limit": r["limit"], **{c: r[c]["aggregate"]["count"] for c in counts}}
            for kind, name, r in rows
        ]

    def get_task_tag_limit(self, tag: str) -> int | None:
        """How many task runs with this tag may run at the same time; None where there is no limit."""
        return next((row["limit"] for row in self.get_limits() if (row["kind"], row["name"]) == ("tag", tag)), None)

    def update_task_tag_limit(self, tag: str, limit: int) -> str:
        """Set how many task runs with this tag may run at the same time; the limit's id. 0 lets none run."""
        return str(self.graphql(UPDATE_TAG_LIMIT, {"input": {"tag": tag, "limit": limit}})["update_task_tag_limit"]["id"])

    def delete_task_tag_limit(self, limit_id: str) -> None:
        """Lift a limit on a tag."""
        self.graphql(DELETE_TAG_LIMIT, {"input": {"limit_id": limit_id}})

    def update_flow_concurrency_limit(self, label: str, limit: int) -> str:
        """Set how many flow runs with this label may be under way at the same time; the limit's id. 0 lets none begin."""
        answer = self.graphql(UPDATE_LABEL_LIMIT, {"input": {"label": label, "limit": limit}})
        return str(answer["update_flow_concurrency_limit"]["id"])

    def delete_flow_concurrency_limit(self, limit_id: str) -> None:
        """Lift a limit on a label."""
        self.graphql(DELETE_LABEL_LIMIT, {"input": {"limit_id": limit_id}})
