/** What is selected, in one line under the view it was selected in: how it stands, what it said, and the way to its own page. */
import { useNow } from "../app/now";
import { follow, taskRunPath } from "../app/router";
import type { TaskGroup, TaskRun } from "../data/taskStore";
import { duration, elapsed } from "../domain/time";
import { StateChip } from "./Glyph";
import { leading, nameOf } from "./TaskList";

interface Props {
  readonly group: TaskGroup;
  /** The child that is meant, if one is. */
  readonly child: TaskRun | null;
  readonly ended: boolean;
  readonly onClear: () => void;
}

export function Inspector({ group, child, ended, onClear }: Props) {
  const now = useNow();
  const run = child ?? group.self;
  const state = child ? child.state : leading(group, ended);
  const took = child ? elapsed(child.start, child.end, now) : elapsed(group.start, group.end, now);
  const id = run && run.version > 0 ? run.id : null;
  const said = run?.message ?? null;
  return (
    <footer className="inspector">
      <StateChip state={state} />
      <b>
        {nameOf(group)}
        {child && ` #${child.mapIndex}`}
      </b>
      {took !== null && <span className="faint">{duration(took)}</span>}
      <span className="inspector-said" title={said ?? undefined}>
        {said}
      </span>
      {id && (
        <a href={taskRunPath(id)} onClick={follow} className="button small" data-open>
          Open
        </a>
      )}
      <button
        type="button"
        className="quiet icon"
        onClick={onClear}
        aria-label="Select nothing"
        aria-keyshortcuts="Escape"
      >
        ×
      </button>
    </footer>
  );
}
