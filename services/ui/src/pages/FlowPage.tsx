/** One flow, by the id of its group or of one of its versions: who it is and whether its schedule is on. */
import { useEffect, useMemo } from "react";
import { follow } from "../app/router";
import { Problem } from "../components/Problem";
import { useCell } from "../data/cell";
import { FLOW, type FlowData } from "../data/documents/flow";
import { LiveRead } from "../data/liveRead";

export function FlowPage({ id }: { id: string }) {
  const read = useMemo(() => new LiveRead<FlowData>(FLOW, { id }), [id]);
  useEffect(() => read.start(), [read]);
  const { data, error } = useCell(read.answer);
  const flow = data?.flow[0];
  useEffect(() => {
    document.title = `${flow?.name ?? "Flow"} · Towpath`;
  }, [flow?.name]);
  return (
    <main className="page">
      {error && <Problem error={error} />}
      {flow && (
        <header>
          <h1>{flow.name}</h1>
          <p className="faint">
            {flow.project.name} · version {flow.version} ·{" "}
            {flow.archived ? "archived" : flow.is_schedule_active ? "schedule on" : "schedule off"}
          </p>
        </header>
      )}
      {data && !flow && (
        <section className="empty small">
          <h1>There is no such flow.</h1>
          <p>It may have been deleted, or it belongs to another tenant.</p>
          <a href="/" onClick={follow}>
            Home
          </a>
        </section>
      )}
    </main>
  );
}
