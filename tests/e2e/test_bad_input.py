"""Bad input, from the outside: each case ends with its own code and a sentence that says what to do, and nothing else is harmed."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import psutil
import pytest

from towpath.client.client import Client
from towpath.client.settings import Settings
from towpath_proto.errors import Code, TowpathError

FLOWS = """
import ctypes, os, signal, time
from pathlib import Path
from towpath import Flow, Parameter, task
from towpath.run_configs import UniversalRun

@task
def greet(name, times):
    return [f"Hello, {name}!"] * times

with Flow("greeting") as greeting:
    greet(Parameter("name"), Parameter("times", default=1))

@task
def leave(path):
    Path(path).write_text("user code ran")

with Flow("tampered") as tampered:
    leave(Parameter("path"))

@task
def wait_for(path):
    while not Path(path).exists():
        time.sleep(0.05)
    return 7

with Flow("steady") as steady:
    wait_for(Parameter("path"))

@task
def die(how, trace):
    with open(trace, "a") as f:
        f.write("begun\\n")
    if how == "exit":
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    ctypes.string_at(0)

with Flow("breaker") as breaker:
    die(Parameter("how"), Parameter("trace"))

with Flow("special", run_config=UniversalRun(labels=["gpu"])) as special:
    task(lambda: 1, name="one")()
"""
NOWHERE = "http://127.0.0.1:9"
NOBODY = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def flows(site):
    """The flows above, registered: ids by name."""
    return site.register("flows", FLOWS)


def refused(run, code: str, *words: str) -> None:
    """The command has printed one sentence with the code and these words, and no data."""
    assert run.stdout == ""
    (line,) = run.stderr.strip().splitlines()
    assert line.startswith("towpath: ")
    assert line.endswith(f"({code})")
    for word in words:
        assert word in line, f"{word!r} is not in: {line}"


def error_of(answer) -> tuple[str, str]:
    """Code and sentence of an answer's first error."""
    error = answer["errors"][0]
    return error["extensions"]["code"], error["message"]


# ------------------------------------------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    ("arguments", "status", "code", "words"),
    [
        (["run", "--name", "greting"], 1, "NOT_FOUND", ["'greting'", "Did you mean 'greeting'?", "towpath get flows"]),
        (["run", "--name", "greeting", "--project", "nope"], 1, "NOT_FOUND", ["'nope'"]),
        (["run", "--id", NOBODY], 1, "NOT_FOUND", [NOBODY, "towpath get flows"]),
        (["run", "--id", "seven"], 1, "NOT_FOUND", ["'seven'", "towpath get flows"]),
        (["run", "--name", "greeting"], 1, "MISSING_PARAMETER", ["'name'", "--param"]),
        (["run", "--name", "greeting", "--json"], 1, "MISSING_PARAMETER", ["'name'"]),
        (
            ["run", "greeting", "--param", "name=x", "--param", "nome=x"],
            1,
            "UNKNOWN_PARAMETER",
            ["'nome'", "name, times", "did you mean name?"],
        ),
        (["run", "--name", "greeting", "--param", "name={x"], 2, "BAD_REQUEST", ["name", "{x", "JSON"]),
        (["run", "--name", "greeting", "--param", "name"], 2, "BAD_REQUEST", ["--param count=3"]),
        (["run", "--name", "greeting", "--at", "tomorrow"], 2, "BAD_REQUEST", ["'tomorrow'", "2026-01-31T08:00"]),
        (["run"], 2, "BAD_REQUEST", ["--name"]),
        (["register", "--path", "flows.py", "--project", "nope"], 1, "NOT_FOUND", ["'nope'", "towpath create project nope"]),
        (["register", "--path", "nofile.py"], 2, "BAD_REQUEST", ["nofile.py"]),
        (["register", "--path", "flows.py", "--name", "nope"], 1, "NOT_FOUND", ["nope", "greeting"]),
        (["logs", NOBODY], 1, "NOT_FOUND", [NOBODY, "towpath get flow-runs"]),
        (["get", "logs", NOBODY], 1, "NOT_FOUND", [NOBODY, "towpath get flow-runs"]),
        (["logs", "seven"], 1, "NOT_FOUND", ["'seven'", "towpath get flow-runs"]),
        (["cancel", NOBODY], 1, "NOT_FOUND", [NOBODY]),
        (["restart", NOBODY], 1, "NOT_FOUND", [NOBODY]),
        (["restrat", NOBODY], 2, "BAD_REQUEST", ["Did you mean 'restart'"]),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_a_wrong_command_is_one_sentence(site, flows, arguments, status, code, words):
    """Each wrong command ends with its exit status, its code and a sentence that names what is wrong and what to do."""
    refused(site.cli(*arguments, expect=status), code, *words)


@pytest.mark.parametrize("arguments", [["get", "flows"], ["run", "--name", "x"], ["register", "--path", "flows.py"], ["logs", NOBODY]])
def test_a_backend_that_is_not_there(site, flows, arguments):
    """A command that reaches nobody names the URL, says how to start a server, and ends with 2."""
    refused(site.cli(*arguments, expect=2, TOWPATH_API_URL=NOWHERE), "UNREACHABLE", NOWHERE, "towpath server start", "TOWPATH_API_URL")


def test_wrong_credentials_on_the_command_line(site):
    """An API key that nobody knows is refused with a sentence, also by a server that asks for none."""
    refused(site.cli("get", "flows", expect=1, TOWPATH_API_KEY="twk_" + "x" * 43), "UNAUTHENTICATED", "API key")


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        (
            "locked",
            "import threading\nfrom towpath import Flow, task\nLOCK = threading.Lock()\n"
            "@task\ndef guarded():\n    with LOCK:\n        return 1\nwith Flow('locked') as flow:\n    guarded()\n",
            ["'locked'", "task 'guarded'", "global variable 'LOCK'", "_thread.lock", "inside the task"],
        ),
        (
            "argued",
            "import sys\nfrom towpath import Flow, task\n@task\ndef show(out):\n    return 1\n"
            "with Flow('argued') as flow:\n    show(sys._getframe())\n",
            ["'argued'", "argument 'out' of task 'show'", "frame"],
        ),
    ],
)
def test_a_flow_that_cannot_be_pickled(site, name, source, words):
    """Registering it names the object and where in the flow it is; nothing is stored."""
    path = site.write(name, source)
    refused(site.cli("register", "--path", str(path), expect=1), "FLOW_NOT_PICKLABLE", *words)
    assert site.json("get", "flows") == [f for f in site.json("get", "flows") if f["name"] != name]


CYCLE = """
from towpath import Flow, task
a, b = task(lambda x=None: 1, name="a"), task(lambda x=None: 1, name="b")
with Flow("circle") as flow:
    first = a()
    first.set_upstream(b(first))
"""


def test_a_cycle_is_refused_by_the_sdk(site):
    """A script whose tasks wait for each other is refused before anything is sent, with the way round the cycle."""
    run = site.cli("register", "--path", str(site.write("circle", CYCLE)), expect=1)
    refused(run, "FLOW_CYCLE", "a-1 -> b-1 -> a-1")


def test_a_cycle_is_refused_by_the_api(site):
    """A client without our SDK that registers a cycle gets FLOW_CYCLE, and the flow is not there."""
    tasks = [{"slug": s, "name": s, "type": "x", "__version__": "1"} for s in ("a-1", "b-1")]
    edges = [
        {"upstream_task": {"slug": a}, "downstream_task": {"slug": b}, "key": None, "mapped": False}
        for a, b in (("a-1", "b-1"), ("b-1", "a-1"))
    ]
    flow = {"name": "raw-circle", "tasks": tasks, "edges": edges, "parameters": [], "reference_tasks": []}
    document = "mutation ($input: register_flow_input!) { register_flow(input: $input) { flow_id } }"
    _, answer = site.ask(document, input={"serialized_flow": flow})
    code, sentence = error_of(answer)
    assert code == "FLOW_CYCLE"
    assert "a-1" in sentence
    assert "raw-circle" not in {f["name"] for f in site.json("get", "flows")}


# ---------------------------------------------------------------------------------------------------------------------------- the API


@pytest.mark.parametrize("parameters", ['"x"', "7", "[1]"])
def test_parameters_must_be_an_object(site, flows, parameters):
    """Parameters of another shape are BAD_PARAMETERS, and no run is made."""
    count = "select count(*) from flow_run where flow_id = %s"
    before = site.sql(count, flows["greeting"])
    document = "mutation ($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }"
    _, answer = site.ask(document, input={"flow_id": flows["greeting"], "parameters": json.loads(parameters)})
    code, sentence = error_of(answer)
    assert (code, "object" in sentence) == ("BAD_PARAMETERS", True), sentence
    assert site.sql(count, flows["greeting"]) == before


NESTED = "{" + "a{" * 20_000 + "b" + "}" * 20_001


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "BAD_REQUEST"),
        (b"{", "BAD_REQUEST"),
        (b'{"query": 7}', "BAD_REQUEST"),
        (b'"query"', "BAD_REQUEST"),
        (b"\xff\xfe{}", "BAD_REQUEST"),
        (b"[" * 200_000, "BAD_REQUEST"),
        (b'{"query": "{ hello", "variables": {}}', "PARSE_FAILED"),
        (json.dumps({"query": NESTED}).encode(), "LIMIT_EXCEEDED"),
        (b'{"query": "{ flow_run { nope } }"}', "VALIDATION_FAILED"),
        (b'{"query": "{ nope { id } }"}', "VALIDATION_FAILED"),
        (b'{"query": "mutation { nope }"}', "VALIDATION_FAILED"),
        (b'{"query": "mutation { create_project(input: {nome: 1}) { id } }"}', "VALIDATION_FAILED"),
        (b'{"query": "query ($v: jsonb) { flow_run { id } }", "variables": {"v": ' + b"[" * 90_000 + b"]" * 90_000 + b"}}", "BAD_REQUEST"),
    ],
    ids=lambda v: repr(v[:40]) if isinstance(v, bytes) else None,
)
def test_a_malformed_request_has_a_code(site, body, code):
    """No JSON, no GraphQL, unknown fields, brackets without end: an answer with a code, never a server error."""
    status, answer = site.post(body)
    found, sentence = error_of(answer)
    assert found == code, sentence
    assert status < 500
    assert len(sentence) > 15


@pytest.mark.parametrize("token", ["twk_" + "x" * 43, "twr_garbage", "twr_aaaa.bbbb", "something"])
def test_wrong_credentials(site, token):
    """Garbage in place of a key, a run token or a service token is 401 UNAUTHENTICATED, for reads and for writes."""
    for document in ("{ flow { id } }", 'mutation { create_project(input: {name: "stolen"}) { id } }'):
        status, answer = site.ask(document, token)
        assert (status, error_of(answer)[0]) == (401, "UNAUTHENTICATED")
    assert "stolen" not in {p["name"] for p in site.json("get", "projects")}


def test_a_run_token_opens_its_own_run_only(site, flows):
    """With the token of one run, another run can be neither seen, nor reported on, nor cancelled."""
    with site.client as client:
        mine, other = (client.create_flow_run(flows["steady"], parameters={"path": "-"}, labels=["token-test"]) for _ in range(2))
    ids = site.backend.graphql('mutation { register_agent(input: {type: "LocalAgent", name: "t", labels: ["token-test"]}) { id } }')
    claim = """mutation ($id: UUID!) { claim_flow_runs(input: {agent_id: $id, labels: ["token-test"],
        run_config_types: ["UniversalRun"], launch_deadline: 600}) { runs { id fence run_token } } }"""
    runs = site.backend.graphql(claim, id=ids["register_agent"]["id"])["claim_flow_runs"]["runs"]
    token, fence = next((r["run_token"], r["fence"]) for r in runs if r["id"] == mine)
    status, seen = site.ask("{ flow_run { id } log { id } }", token)
    assert (status, [r["id"] for r in seen["data"]["flow_run"]]) == (200, [mine])
    for document in (
        'mutation ($id: UUID!, $fence: Int!) { begin_run(input: {flow_run_id: $id, fence: $fence, holder: "x"}) { lease } }',
        "mutation ($id: UUID!, $fence: Int!) "
        "{ report_run(input: {flow_run_id: $id, fence: $fence, reporter: engine, sequence: 1}) { cancel } }",
        "mutation ($id: UUID!) { cancel_flow_run(input: {flow_run_id: $id}) { state } }",
    ):
        _, answer = site.ask(document, token, id=other, **({"fence": fence} if "fence" in document else {}))
        assert error_of(answer)[0] == "FORBIDDEN", document
    assert {site.run(r)["state"] for r in (mine, other)} == {"Submitted"}
    for run_id in (mine, other):
        site.cli("cancel", run_id)


def test_fifty_megabytes(site, flows):
    """A parameter of 50 MB is refused while it is sent, by the client with a code; the backend's memory hardly grows, and it serves on."""
    server = psutil.Process(site.backend.pid)
    before = server.memory_info().rss
    peak, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], server.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with Client(settings=Settings.from_env(site.env())) as client, pytest.raises(TowpathError) as caught:
            client.create_flow_run(flows["greeting"], parameters={"name": "x" * 50_000_000})
    finally:
        done.set()
        watcher.join()
    assert caught.value.code == Code.PAYLOAD_TOO_LARGE
    assert "bytes" in caught.value.message
    assert peak[0] - before < 40_000_000
    site.cli("server", "status", "--data-dir", str(site.backend.directory))


# --------------------------------------------------------------------------------------------------------------------------- the run


def test_a_label_that_nobody_serves(site, flows, until):
    """The run stays Scheduled, `towpath run --watch` says what to do, and does its work once an agent with that label comes."""
    command = [str(Path(sys.executable).parent / "towpath"), "run", "--name", "special", "--watch"]
    log = site.folder / "watch.log"
    with log.open("wb") as out:
        watch = subprocess.Popen(command, env=site.env(), stdout=out, stderr=out)
    until("the watcher says that nobody serves it", lambda: "No live agent serves this run" in log.read_text())
    assert "towpath agent local start --label gpu" in log.read_text()
    (row,) = site.json("get", "flow-runs", "--flow", "special")
    assert row["state"] == "Scheduled"
    agent = site.agent("special", "--label", "gpu")
    assert watch.wait(30) == 0, log.read_text()
    site.stop_agent(agent)
    site.ended(row["id"], state="Success")


class Bomb:
    """What a thief would put in place of a flow: code that runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


@pytest.mark.parametrize("rehashed", [False, True], ids=["the bytes", "the bytes and the hash"])
def test_tampered_code_is_not_run(site, rehashed, tmp_path: Path):
    """Stored code that was changed behind the signer's back ends the run Failed with BAD_SIGNATURE, and nothing of it runs."""
    name = f"tampered-{rehashed}".lower()
    path = site.write("tamper", FLOWS.replace('"tampered"', f'"{name}"'))
    ((flow_id),) = (row["flow_id"] for row in site.json("register", "--path", str(path), "--name", name))
    bomb = pickle.dumps(Bomb(tmp_path / "boom"))
    (old,) = site.sql("select tenant_id, code_hash from flow where id = %s", flow_id)
    if rehashed:
        new = hashlib.sha256(bomb).hexdigest()
        site.sql("insert into flow_code (tenant_id, hash, blob) values (%s, %s, %s)", old[0], new, bomb)
        site.sql("update flow set code_hash = %s where id = %s", new, flow_id)
    else:
        site.sql("update flow_code set blob = %s where tenant_id = %s and hash = %s", bomb, *old)
    run = site.cli("run", "--name", name, "--param", f"path={tmp_path / 'ran'}", "--watch", expect=1)
    assert "BAD_SIGNATURE" in run.stdout
    run_id = run.stdout.splitlines()[0].split()[-1]
    assert "BAD_SIGNATURE" in site.ended(run_id, state="Failed")["state_message"]
    assert list(tmp_path.iterdir()) == []


def test_code_of_a_stranger_is_not_run(site, tmp_path: Path):
    """A flow that somebody signed whose key this agent does not trust ends Failed with UNTRUSTED_KEY and the way to trust it."""
    path = site.write("foreign", FLOWS.replace('"tampered"', '"foreign"'))
    site.cli("register", "--path", str(path), "--name", "foreign", TOWPATH_HOME=str(tmp_path / "stranger"))
    run = site.cli("run", "--name", "foreign", "--param", f"path={tmp_path / 'ran'}", "--watch", expect=1)
    run_id = run.stdout.splitlines()[0].split()[-1]
    message = site.ended(run_id, state="Failed")["state_message"]
    assert "UNTRUSTED_KEY" in message
    assert "towpath keys trust" in message
    assert not (tmp_path / "ran").exists()


def test_runs_that_break_harm_no_other(site, flows, tmp_path: Path):
    """Tasks without retries that kill their process at once run once and fail with the reason; a run of the same runner goes on."""
    go = tmp_path / "go"
    with site.client as client:
        steady = client.create_flow_run(flows["steady"], parameters={"path": str(go)})
        broken = {
            how: client.create_flow_run(flows["breaker"], parameters={"how": how, "trace": str(tmp_path / how)})
            for how in ("exit", "kill", "segfault")
        }
    words = {"exit": "exited with status 3", "kill": "SIGKILL", "segfault": "SIGSEGV"}
    for how, run_id in broken.items():
        site.ended(run_id, state="Failed")
        assert words[how] in site.logs(run_id)
        assert (tmp_path / how).read_text() == "begun\n"
    go.touch()
    run = site.ended(steady, state="Success")
    assert (run["times_resurrected"], run["attempt"]) == (0, 1)
    assert len(site.runners()) == 1


def test_an_unknown_run_of_the_right_shape(site):
    """Reading a run that is not there is null, not an error; ids that nobody made are no ids of others."""
    assert site.backend.graphql("query ($id: uuid!) { flow_run_by_pk(id: $id) { id } }", id=str(uuid.uuid4())) == {"flow_run_by_pk": None}
