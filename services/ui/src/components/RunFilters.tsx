/** The filters of the runs explorer. All of them stand in the address; this only shows and changes it. */
import { type RefObject, useEffect, useRef, useState } from "react";
import { type QueryChange, setQuery } from "../app/router";
import { useCell } from "../data/cell";
import type { ChoicesData } from "../data/documents/runs";
import type { LiveRead } from "../data/liveRead";
import { FILTER_NAMES, isFiltered, type RunFilter } from "../domain/runFilter";
import { FAMILIES, FAMILY_LABEL, familyOf, STATE_NAMES } from "../domain/states";
import { FilterField } from "./FilterField";
import { Glyph } from "./Glyph";

const RANGE_LABELS: readonly (readonly [string, string])[] = [
  ["", "Until now"],
  ["1h", "Last hour"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["coming", "Coming"],
  ["any", "Any time"],
  ["between", "From … to …"],
];
const TYPING_MS = 250;
/** States of task runs only; a flow run is never in one of them. */
const TASK_ONLY: ReadonlySet<string> = new Set(["Looped", "Cached", "Mapped", "Skipped", "Finished", "ClientFailed"]);

export function clearFilters(): void {
  setQuery(Object.fromEntries(FILTER_NAMES.map((name) => [name, null])));
}

function toggled(list: readonly string[], one: string): readonly string[] {
  return list.includes(one) ? list.filter((each) => each !== one) : [...list, one];
}

interface Props {
  readonly filter: RunFilter;
  readonly choices: LiveRead<ChoicesData>;
  readonly search: RefObject<HTMLInputElement | null>;
  readonly onEnter: () => void;
}

export function RunFilters({ filter, choices, search, onEnter }: Props) {
  const chosen = [...filter.families, ...filter.states];
  return (
    <div className="filters" role="search" aria-label="Filter runs">
      <div className="filter-line">
        <div className="families" role="group" aria-label="By state">
          <button type="button" aria-pressed={chosen.length === 0} onClick={() => setQuery({ state: null })}>
            All
          </button>
          {FAMILIES.map((f) => (
            <button
              key={f}
              type="button"
              aria-pressed={filter.families.includes(f)}
              onClick={() => setQuery({ state: toggled(chosen, f) })}
            >
              {FAMILY_LABEL[f]}
            </button>
          ))}
        </div>
        <SearchText filter={filter} search={search} onEnter={onEnter} />
      </div>
      <Narrower filter={filter} choices={choices} chosen={chosen} />
    </div>
  );
}

function SearchText({ filter, search, onEnter }: Pick<Props, "filter" | "search" | "onEnter">) {
  const [text, setText] = useState(filter.text);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    // The address is the truth: "back" changes what stands in the field, unless the reader is writing in it.
    if (document.activeElement !== search.current) setText(filter.text);
  }, [filter.text, search]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const take = (value: string, wait: number) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ q: value.trim() }, { replace: true }), wait);
  };
  return (
    <FilterField
      label="Flow, run name or id contains"
      placeholder="Flow, run or id"
      field={search}
      text={text}
      onText={(next) => take(next, TYPING_MS)}
      onEnter={(value) => {
        clearTimeout(timer.current);
        setQuery({ q: value.trim() }, { replace: true });
        onEnter();
      }}
      onEscape={() => take("", 0)}
    />
  );
}

function Narrower({
  filter,
  choices,
  chosen,
}: {
  filter: RunFilter;
  choices: LiveRead<ChoicesData>;
  chosen: readonly string[];
}) {
  const { data } = useCell(choices.answer);
  const flows = [...(data?.flows ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <div className="filter-line narrower">
      <Choose
        name="Flow"
        value={filter.flow}
        options={flows.map((f) => [f.flow_group_id, f.name])}
        onChoose={(flow) => setQuery({ flow })}
      />
      {(data?.projects.length ?? 0) > 1 && (
        <Choose
          name="Project"
          value={filter.project}
          options={(data?.projects ?? []).map((p) => [p.id, p.name])}
          onChoose={(project) => setQuery({ project })}
        />
      )}
      <Choose
        name="Agent"
        value={filter.agent}
        options={(data?.agents ?? []).map((a) => [a.id, a.name])}
        onChoose={(agent) => setQuery({ agent })}
      />
      <Choose
        name="State"
        value={null}
        options={STATE_NAMES.filter((s) => !TASK_ONLY.has(s) && !filter.states.includes(s)).map((s) => [
          s,
          `${s} (${FAMILY_LABEL[familyOf(s)].toLowerCase()})`,
        ])}
        onChoose={(state) => state && setQuery({ state: [...chosen, state] })}
      />
      <AddLabel filter={filter} />
      <TimeRange filter={filter} />
      <select
        aria-label="Order"
        value={`${filter.order}${filter.oldestFirst ? " oldest" : ""}`}
        onChange={(e) => {
          const [order, oldest] = e.target.value.split(" ");
          setQuery({ order: order === "due" ? null : (order as string), first: oldest ?? null });
        }}
      >
        <option value="due">Newest due first</option>
        <option value="due oldest">Oldest due first</option>
        <option value="start">Newest start first</option>
        <option value="start oldest">Oldest start first</option>
      </select>
      {filter.states.map((state) => (
        <Chosen key={state} what="state" name={state} onRemove={{ state: toggled(chosen, state) }} />
      ))}
      {filter.labels.map((label) => (
        <Chosen key={label} what="label" name={label} onRemove={{ label: toggled(filter.labels, label) }} />
      ))}
      {isFiltered(filter) && (
        <button type="button" className="plain" onClick={clearFilters}>
          Clear all
        </button>
      )}
    </div>
  );
}

function Choose({
  name,
  value,
  options,
  onChoose,
}: {
  name: string;
  value: string | null;
  options: readonly (readonly [string, string])[];
  onChoose: (value: string | null) => void;
}) {
  const known = value === null || options.some(([id]) => id === value);
  return (
    <select
      aria-label={name}
      value={value ?? ""}
      data-set={value !== null || undefined}
      onChange={(e) => onChoose(e.target.value || null)}
    >
      <option value="">{name}</option>
      {!known && value && <option value={value}>{value}</option>}
      {options.map(([id, label]) => (
        <option key={id} value={id}>
          {label}
        </option>
      ))}
    </select>
  );
}

function AddLabel({ filter }: { filter: RunFilter }) {
  const [text, setText] = useState("");
  const add = () => {
    const label = text.trim();
    setText("");
    if (label !== "" && !filter.labels.includes(label)) setQuery({ label: [...filter.labels, label] });
  };
  return (
    <input
      className="add-label"
      aria-label="Has the label"
      placeholder="Label"
      value={text}
      onChange={(e) => setText(e.target.value)}
      onBlur={add}
      onKeyDown={(e) => {
        if (e.key === "Enter") add();
        if (e.key === "Escape") e.currentTarget.blur();
      }}
    />
  );
}

function TimeRange({ filter }: { filter: RunFilter }) {
  return (
    <>
      <select
        aria-label="Time"
        value={filter.range}
        data-set={filter.range !== "" || undefined}
        onChange={(e) => setQuery({ range: e.target.value || null, from: null, to: null })}
      >
        {RANGE_LABELS.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
      {filter.range === "between" && (
        <>
          <Moment name="from" label="Due from" value={filter.from} />
          <Moment name="to" label="Due before" value={filter.to} />
        </>
      )}
    </>
  );
}

/** A point in time as the field wants it: the reader's own wall time, to the minute. */
export function localInput(at: number | null): string {
  if (at === null) return "";
  const d = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return d.toISOString().slice(0, 16);
}

function Moment({ name, label, value }: { name: "from" | "to"; label: string; value: number | null }) {
  return (
    <input
      type="datetime-local"
      aria-label={label}
      value={localInput(value)}
      onChange={(e) => {
        const at = new Date(e.target.value).getTime();
        setQuery({ [name]: Number.isNaN(at) ? null : new Date(at).toISOString() }, { replace: true });
      }}
    />
  );
}

function Chosen({ what, name, onRemove }: { what: "state" | "label"; name: string; onRemove: QueryChange }) {
  return (
    <button
      type="button"
      className="chosen"
      onClick={() => setQuery(onRemove)}
      aria-label={`No longer by the ${what} ${name}`}
    >
      {what === "state" && <Glyph state={name} />}
      {name}
      <span aria-hidden="true">×</span>
    </button>
  );
}
