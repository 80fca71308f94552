"""`towpath describe`: all about one flow, flow run, task run or agent."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from towpath.cli.connection import open_client
from towpath.cli.finding import the_agent, the_flow, the_flow_run, the_task_run
from towpath.cli.output import Row, ago, clock_time, json_option, lasted, print_json, print_section
from towpath.cli.service import is_alive, nobody_serves, serves
from towpath.cli.watch import log_line

if TYPE_CHECKING:
    from towpath.client.client import Client


@click.group()
def describe() -> None:
    """Show all about one flow, run, task run or agent. Each has --json.

    \b
    Examples:
      towpath describe flow report
      towpath describe flow-run brisk-heron
      towpath describe task-run brisk-heron/load-1
      towpath describe agent blue
    """


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _labels(row: Row) -> str:
    return ", ".join(row.get("labels") or ()) or "none"


@describe.command("flow")
@click.argument("flow")
@click.option("--project", help="The flow's project, if several have one of this name.")
@json_option
def flow(flow: str, project: str | None, as_json: bool) -> None:
    """Describe a flow: its parameters, tasks, schedule and last runs. FLOW is its name, its id or the beginning of its id.

    \b
    Example:
      towpath describe flow report
    """
    from towpath.cli.commands.schedule import next_fires, summary

    with open_client() as client:
        row = client.get_flow(the_flow(client, flow, project)["id"])
        config = row["run_config"] = client.flow_run_config(row["id"])
    fires = next_fires(row, 3)
    if as_json:
        print_json({**row, "next": fires})
        return
    fields = {
        "project": (row.get("project") or {}).get("name"),
        "version": f"{row['version']}{' (archived)' if row['archived'] else ''}",
        "id": row["id"],
        "registered": clock_time(row["created"]),
        "description": row.get("description"),
        "run config": config and f"{config.get('type', 'UniversalRun')}, labels {_labels(config)}",
        "signed by": row.get("code_key_id"),
        "python": (row.get("code_info") or {}).get("python"),
    }
    print_section(f"Flow {row['name']}", fields)
    print_section("Parameters", {p["name"]: _parameter(p) for p in row.get("parameters") or ()})
    if row.get("schedule") or (row.get("flow_group") or {}).get("schedule"):
        state = "on" if row["is_schedule_active"] else f"off; set it on with: towpath schedule on {row['name']}"
        print_section("Schedule", {"clocks": summary(row), "is": state, "next": "\n".join(map(clock_time, fires)) or "never"})
    names = {p["name"] for p in row.get("parameters") or ()}
    print_section("Tasks", {t["slug"]: _task(t) for t in row["tasks"] if t["slug"] not in names})
    print_section("Last runs", {r["name"]: f"{r['state']}, {ago(r['scheduled_start_time'])}" for r in row["flow_runs"]})


def _parameter(parameter: Row) -> str:
    schema = parameter.get("schema") or {}
    kind = "/".join(schema["type"]) if isinstance(schema.get("type"), list) else schema.get("type")
    parts = ["required" if parameter.get("required") else f"default {_value(parameter.get('default'))}"]
    parts += [str(kind)] if kind else []
    parts += [f"one of {', '.join(map(_value, schema['enum']))}"] if schema.get("enum") else []
    parts += [str(schema["description"])] if schema.get("description") else []
    return "; ".join(parts)


def _task(task: Row) -> str:
    parts = [f"mapped {task['name']}" if task["mapped"] else task["name"]]
    parts += [f"{task['max_retries']} retries, {task['retry_delay']} apart"] if task["max_retries"] else []
    trigger = (task.get("trigger") or "").rpartition(".")[2]
    parts += [f"trigger {trigger}"] if trigger and trigger != "all_successful" else []
    parts += [f"tags {', '.join(task['tags'])}"] if task["tags"] else []
    return "; ".join(parts)


@describe.command("flow-run")
@click.argument("flow_run")
@json_option
def flow_run(flow_run: str, as_json: bool) -> None:
    """Describe a flow run: its states, parameters, tasks, what failed, and its last log lines.

    \b
    Examples:
      towpath describe flow-run brisk-heron
      towpath describe flow-run 0191a6c2-7d1e --json
    """
    with open_client() as client:
        row = client.get_flow_run(str(the_flow_run(client, flow_run)["id"]))
        tasks = client.get_task_runs(row["id"], limit=20_000)
        if as_json:
            print_json({**row, "task_runs": tasks})
            return
        lines = client.find_logs({"flow_run_id": {"_eq": row["id"]}}, limit=10, newest=True)
        waits = nobody_serves(row, client.get_agents()) if row["state"] in ("Scheduled", "Queued") else None
        agent = _agent_name(client, row.get("agent_id"))
        page = f"{client.settings.api_url}/run/{row['id']}"
    fields = {
        "flow": f"{row['flow']['name']}, version {row['flow']['version']}",
        "state": row["state"],
        "message": row["state_message"],
        "id": row["id"],
        "page": page,
        "started by": _parent(row),
        "due": clock_time(row["scheduled_start_time"]),
        "began": clock_time(row["start_time"]),
        "ended": clock_time(row["end_time"]),
        "lasted": lasted(row["start_time"], row["end_time"]),
        "attempt": row["attempt"] if row["attempt"] > 1 else None,
        "labels": _labels(row),
        "agent": agent,
        "waits": waits,
    }
    print_section(f"Flow run {row['name']}", fields)
    print_section("Parameters", {name: _value(value) for name, value in (row.get("parameters") or {}).items()})
    print_section(
        "States", {str(s["version"]): f"{clock_time(s['timestamp'])}  {s['state']}: {s['message'] or ''}" for s in row.get("states") or ()}
    )
    print_section("Task runs", _by_task(tasks))
    print_section("Children", {c["name"]: f"{c['state']}, flow {c['flow']['name']}" for c in row.get("children") or ()})
    failed = [t for t in tasks if t["state"] in ("Failed", "TimedOut", "ValidationFailed")]
    print_section("Failed", {_task_run_name(t): t["state_message"] or t["state"] for t in failed[:10]})
    if len(failed) > 10:
        click.echo(f"  … and {len(failed) - 10} more: towpath get task-runs {row['name']} --state Failed\n")
    if lines:
        click.echo("Last log lines")
        for line in lines:
            click.echo(f"  {log_line(line)}")


def _parent(row: Row) -> str | None:
    """The run that created this one, and by which task."""
    parent, task, index = row.get("parent"), row.get("parent_task"), row.get("parent_map_index")
    if not parent:
        return None
    where = f", task {task['slug']}{'' if index is None else f'[{index}]'}" if task else ""
    return f"{parent['name']} of {parent['flow']['name']}{where}"


def _agent_name(client: Client, agent_id: str | None) -> str | None:
    if agent_id is None:
        return None
    found = client.look_up_agents(agent_id)
    return f"{found[0]['name']} ({agent_id})" if found else agent_id


def _task_run_name(row: Row) -> str:
    return f"{row['task']['slug']}[{row['map_index']}]" if row["map_index"] >= 0 else str(row["task"]["slug"])


def _by_task(rows: list[dict[str, Any]]) -> dict[str, str]:
    """For each task the state of its run, or how many of its mapped runs are in which state."""
    own = {r["task"]["slug"]: r for r in rows if r["map_index"] < 0}
    children: dict[str, Counter[str]] = {}
    for r in rows:
        if r["map_index"] >= 0:
            children.setdefault(r["task"]["slug"], Counter())[r["state"]] += 1
    said = {}
    for slug, r in own.items():
        counts = children.get(slug)
        inner = f": {', '.join(f'{n} {state}' for state, n in counts.most_common())}" if counts else ""
        spent = lasted(r["start_time"], r["end_time"])
        said[slug] = f"{r['state']}{inner}{f', {spent}' if spent else ''}"
    return said


@describe.command("task-run")
@click.argument("task_run")
@json_option
def task_run(task_run: str, as_json: bool) -> None:
    """Describe a task run: its states, and its log. TASK_RUN is its id, or RUN/slug, or RUN/slug[3] for a mapped one.

    \b
    Examples:
      towpath describe task-run brisk-heron/load-1
      towpath describe task-run 'brisk-heron/load-1[3]'
    """
    with open_client() as client:
        row = client.get_task_run(str(the_task_run(client, task_run)["id"]))
        where = {"flow_run_id": {"_eq": row["flow_run"]["id"]}, "task_run_id": {"_eq": row["id"]}}
        lines = client.find_logs(where, limit=50, newest=True)
    if as_json:
        print_json({**row, "logs": lines})
        return
    fields = {
        "flow run": f"{row['flow_run']['name']} of {row['flow_run']['flow']['name']}",
        "task": _task(row["task"]),
        "state": row["state"],
        "message": row["state_message"],
        "id": row["id"],
        "began": clock_time(row["start_time"]),
        "ended": clock_time(row["end_time"]),
        "lasted": lasted(row["start_time"], row["end_time"]),
        "attempt": row["attempt"],
        "cache key": row["cache_key"],
    }
    print_section(f"Task run {_task_run_name(row)}", fields)
    print_section("States", {str(s["version"]): f"{clock_time(s['timestamp'])}  {s['state']}: {s['message'] or ''}" for s in row["states"]})
    if lines:
        click.echo("Log")
        for line in lines:
            click.echo(f"  {log_line(line)}")


@describe.command("agent")
@click.argument("agent")
@json_option
def agent(agent: str, as_json: bool) -> None:
    """Describe an agent: whether it is alive, what it serves, and what it runs and could run.

    \b
    Example:
      towpath describe agent blue
    """
    with open_client() as client:
        row = the_agent(client, agent)
        runs = client.find_flow_runs({"agent_id": {"_eq": row["id"]}}, limit=10)
        waiting = client.find_flow_runs({"state": {"_eq": "Scheduled"}}, limit=50)
    could = [r for r in waiting if serves(row, r)]
    if as_json:
        print_json({**row, "alive": is_alive(row), "flow_runs": runs, "could_run": could})
        return
    fields = {
        "kind": row["type"],
        "alive": f"{'yes' if is_alive(row) else 'no'}, asked for work {ago(row['last_queried'])}",
        "id": row["id"],
        "labels": _labels(row),
        "runs": ", ".join(row.get("run_config_types") or ()) or "every run config",
        "version": row.get("core_version"),
        "address": row.get("address"),
        "registered": clock_time(row["created"]),
    }
    print_section(f"Agent {row['name']}", fields)
    print_section("Its last runs", {r["name"]: f"{r['flow']['name']}: {r['state']}, {ago(r['scheduled_start_time'])}" for r in runs})
    print_section("Could run", {r["name"]: f"{r['flow']['name']}, due {ago(r['scheduled_start_time'])}" for r in could[:10]})
