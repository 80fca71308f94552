/** What a new installation shows: how the first run comes to be, in three commands. Goes away by itself with the first run. */
import { Command } from "./Command";

const FLOW = `from towpath import Flow, task

@task
def greet(name):
    print(f"Hello, {name}")

with Flow("hello") as flow:
    greet.map(["lock", "boat", "bridge"])`;

export function EmptyHome({ hasFlows }: { hasFlows: boolean }) {
  return (
    <section className="empty" aria-label="First steps">
      <svg className="empty-line" viewBox="0 0 720 60" aria-hidden="true">
        <path d="M0 12H720" />
        <path d="M60 12C200 44 420 48 600 48" className="rope" />
        <path d="M0 52H720" className="water" />
        <circle cx="60" cy="10" r="4" />
        <path d="M592 45h34l-6 7h-22z" className="boat" />
      </svg>
      <h1>{hasFlows ? "A flow is registered. Nothing has run yet." : "The water is still."}</h1>
      <p>Runs will appear here as they happen; this page needs no reload.</p>
      <ol>
        <li data-done={hasFlows || undefined}>
          <h2>Write a flow, in hello.py</h2>
          <Command text={FLOW} />
        </li>
        <li data-done={hasFlows || undefined}>
          <h2>Register it</h2>
          <Command text="towpath register --path hello.py" />
        </li>
        <li>
          <h2>Start an agent, then a run</h2>
          <Command text={"towpath agent local start &\ntowpath run --name hello --watch"} />
        </li>
      </ol>
    </section>
  );
}
