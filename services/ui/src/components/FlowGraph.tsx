/** The graph of a version, and under it what is known of the task that is selected. */
import { useCallback, useEffect, useState } from "react";
import { type ApiError, asApiError } from "../api/errors";
import { setQuery, useQuery } from "../app/router";
import type { FlowGraphRow, FlowTaskRow, VersionRow } from "../data/documents/flow";
import { graphsOf } from "../data/flowGraphs";
import { capital } from "../domain/words";
import { Problem } from "./Problem";
import { Schematic } from "./Schematic";

export function useGraphs(ids: string): { graphs: readonly FlowGraphRow[] | null; error: ApiError | null } {
  const [held, setHeld] = useState<{ ids: string; graphs: readonly FlowGraphRow[] | null; error: ApiError | null }>({
    ids: "",
    graphs: null,
    error: null,
  });
  useEffect(() => {
    let stopped = false;
    graphsOf(ids.split(" ")).then(
      (graphs) => stopped || setHeld({ ids, graphs, error: null }),
      (cause) => stopped || setHeld((h) => ({ ids, graphs: h.graphs, error: asApiError(cause) })),
    );
    return () => {
      stopped = true;
    };
  }, [ids]);
  return { graphs: held.graphs, error: held.ids === ids ? held.error : null };
}

export function FlowGraph({ version }: { version: VersionRow }) {
  const { graphs, error } = useGraphs(version.id);
  const graph = graphs?.find((g) => g.id === version.id) ?? null;
  const slug = useQuery().get("task");
  const task = graph?.tasks.find((t) => t.slug === slug) ?? null;
  const select = useCallback(
    (id: string | null) => {
      setQuery({ task: graph?.tasks.find((t) => t.id === id)?.slug ?? null }, { replace: true });
    },
    [graph],
  );
  if (error) return <Problem error={error} />;
  if (!graph) return <div className="flow-graph" aria-busy="true" />;
  if (graph.tasks.length === 0) return <p className="nothing">This version has no tasks.</p>;
  return (
    <div className="flow-graph" data-chosen={task !== null || undefined}>
      <Schematic
        label={`Tasks of ${version.name}, version ${version.version}`}
        tasks={graph.tasks}
        edges={graph.edges}
        selected={task?.id ?? null}
        onSelect={select}
      />
      {task && <TaskFacts task={task} graph={graph} onClear={() => select(null)} onSelect={select} />}
    </div>
  );
}

const last = (dotted: string) => dotted.split(".").at(-1) as string;

interface FactsProps {
  readonly task: FlowTaskRow;
  readonly graph: FlowGraphRow;
  readonly onClear: () => void;
  readonly onSelect: (id: string) => void;
}

function TaskFacts({ task, graph, onClear, onSelect }: FactsProps) {
  const ups = graph.edges.filter((e) => e.downstream_task_id === task.id);
  const downs = graph.edges.filter((e) => e.upstream_task_id === task.id);
  const link = (id: string, key: string | null) => {
    const other = graph.tasks.find((t) => t.id === id);
    return (
      <li key={`${id} ${key}`}>
        <button type="button" className="plain" onClick={() => onSelect(id)}>
          {other?.name ?? other?.slug ?? id}
        </button>
        {key && <span className="faint"> as {key}</span>}
      </li>
    );
  };
  const retries =
    task.max_retries === 0 ? null : `up to ${task.max_retries}${task.retry_delay ? `, ${task.retry_delay} apart` : ""}`;
  const facts: readonly (readonly [string, string | null])[] = [
    ["Slug", task.slug],
    ["Type", task.type === null ? null : last(task.type)],
    ["Mapped", task.mapped ? "one child for each item" : null],
    ["Retries", retries],
    ["Trigger", task.trigger === null ? null : last(task.trigger).replaceAll("_", " ")],
    ["Tags", task.tags.length === 0 ? null : task.tags.join(" · ")],
    ["Cache key", task.cache_key],
    ["Decides", task.is_reference_task ? "its state counts for the state of the run" : null],
  ];
  return (
    <aside className="task-facts" aria-label={`Task ${task.name ?? task.slug}`} data-task={task.slug}>
      <header>
        <h2>{task.name ?? task.slug}</h2>
        <button
          type="button"
          className="quiet icon"
          onClick={onClear}
          aria-label="Select nothing"
          aria-keyshortcuts="Escape"
        >
          ×
        </button>
      </header>
      {task.description && <p className="task-what">{capital(task.description)}</p>}
      <dl className="flow-sheet">
        {facts.map(
          ([name, value]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
        {ups.length > 0 && (
          <div>
            <dt>After</dt>
            <dd>
              <ul>{ups.map((e) => link(e.upstream_task_id, e.key))}</ul>
            </dd>
          </div>
        )}
        {downs.length > 0 && (
          <div>
            <dt>Before</dt>
            <dd>
              <ul>{downs.map((e) => link(e.downstream_task_id, e.key))}</ul>
            </dd>
          </div>
        )}
      </dl>
    </aside>
  );
}
