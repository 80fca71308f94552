/**
 * The form for a run, in a sheet at the side. What is typed is kept in the tab until a run has come of it: an error, a lost connection or a
 * closed sheet take nothing away. One wish makes one run, however often it is sent. What the server refuses stands at its field.
 */
import { useCallback, useEffect, useId, useMemo, useRef, useState } from "react";
import { serverNow } from "../api/clock";
import { type ApiError, asApiError } from "../api/errors";
import { request } from "../api/http";
import { useNow } from "../app/now";
import { navigate, runPath } from "../app/router";
import {
  CREATE_RUN,
  type CreatedRun,
  type GroupRow,
  RUN_LIKE,
  type RunLikeData,
  type VersionRow,
} from "../data/documents/flow";
import { dropDraft, keepDraft, keptDraft, newKey } from "../data/runDraft";
import { canonical, fieldsOf, type ParameterField } from "../domain/parameters";
import {
  check,
  command,
  type Draft,
  EMPTY,
  type Entries,
  type Entry,
  entryOf,
  fieldsRefused,
  fromJson,
  fromValues,
  isEmpty,
  labelsOf,
  startOf,
  toJson,
} from "../domain/runForm";
import { relative } from "../domain/time";
import { listed } from "../domain/words";
import { CopyButton } from "./CopyButton";
import { ParameterInput } from "./ParameterInput";
import { Problem } from "./Problem";

interface Props {
  readonly group: GroupRow;
  /** The newest version that is not archived. */
  readonly version: VersionRow;
  readonly labels: readonly string[] | null;
  /** A past run whose parameters fill the form. */
  readonly like: string | null;
  readonly onClose: () => void;
}

/** The draft of a flow, kept while it changes. */
function useDraft(group: string): [Draft, (change: (draft: Draft) => Draft) => void, number | null] {
  const kept = useMemo(() => keptDraft(group), [group]);
  const [draft, setDraft] = useState<Draft>(kept?.draft ?? EMPTY);
  const change = useCallback(
    (with_: (draft: Draft) => Draft) =>
      setDraft((old) => {
        const next = with_(old);
        if (isEmpty(next)) dropDraft(group);
        else keepDraft(group, next, serverNow());
        return next;
      }),
    [group],
  );
  return [draft, change, kept && !isEmpty(kept.draft) ? kept.at : null];
}

export function RunForm({ group, version, labels, like, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const now = useNow();
  const [draft, change, keptAt] = useDraft(group.id);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const sending = useRef(false);
  const [refused, setRefused] = useState<{ names: readonly string[]; error: ApiError } | null>(null);
  const fields = useMemo(
    () => fieldsOf(version.parameters, group.default_parameters),
    [version.parameters, group.default_parameters],
  );
  const [told, setTold] = useState<string | null>(
    keptAt === null ? null : `What you typed ${relative(keptAt, now)} is still here.`,
  );
  useLike(like, fields, change, setTold, setRefused);

  useEffect(() => {
    if (dialog.current && !dialog.current.open) dialog.current.showModal();
  }, []);

  const asJson = draft.json === null ? null : fromJson(fields, draft.json);
  const entries = asJson?.entries ?? draft.entries;
  const { values, errors } = check(fields, entries);
  const start = startOf(draft, now);
  const wrong = Object.keys(errors).length > 0 || (asJson?.problems.length ?? 0) > 0 || start.error !== null;
  const setEntry = useCallback(
    (name: string, entry: Entry) => {
      change((d) => ({ ...d, entries: { ...d.entries, [name]: entry } }));
      setRefused((r) => (r?.names.includes(name) ? null : r));
    },
    [change],
  );
  const errorOf = (field: ParameterField) =>
    refused?.names.includes(field.name) ? refused.error.message : tried ? (errors[field.name] ?? null) : null;

  const send = async () => {
    setTried(true);
    if (sending.current) return;
    if (wrong) {
      requestAnimationFrame(() =>
        dialog.current?.querySelector<HTMLElement>('[aria-invalid="true"], [aria-invalid="true"] input')?.focus(),
      );
      return;
    }
    const input = {
      flow_id: version.id,
      parameters: values,
      ...(labelsOf(draft.labels) && { labels: labelsOf(draft.labels) }),
      ...(draft.runName.trim() && { flow_run_name: draft.runName.trim() }),
      ...(start.at !== null && { scheduled_start_time: new Date(start.at).toISOString() }),
    };
    const what = canonical(input);
    const key = draft.sent?.what === what ? draft.sent.key : newKey();
    change((d) => ({ ...d, sent: { key, what } }));
    sending.current = true;
    setBusy(true);
    setRefused(null);
    try {
      const { create_flow_run: made } = await request<CreatedRun>(CREATE_RUN, {
        input: { ...input, idempotency_key: key },
      });
      dropDraft(group.id); // at once: a change of state would come too late for a page that is left
      navigate(runPath(made.id));
    } catch (cause) {
      const error = asApiError(cause);
      setRefused({ names: fieldsRefused(error, fields), error });
    } finally {
      sending.current = false;
      setBusy(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      className="sheet-dialog"
      aria-labelledby={id}
      onClose={onClose}
      onKeyDown={(e) => {
        if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) void send();
      }}
    >
      <form
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          void send();
        }}
      >
        <header>
          <h2 id={id}>
            Run {version.name} <span className="faint">version {version.version}</span>
          </h2>
          <button type="button" className="quiet icon" aria-label="Close; what you typed is kept" onClick={onClose}>
            ×
          </button>
        </header>
        <div className="sheet-body">
          {told && (
            <p className="told" role="status">
              {told}{" "}
              <button
                type="button"
                className="plain"
                onClick={() => {
                  change(() => EMPTY);
                  setTold(null);
                  setTried(false);
                  setRefused(null);
                }}
              >
                Start over
              </button>
            </p>
          )}
          {refused && refused.names.length === 0 && <Problem error={refused.error} />}
          <Parameters
            fields={fields}
            draft={draft}
            problems={asJson?.problems ?? []}
            errorOf={errorOf}
            onEntry={setEntry}
            onJson={(json) => change((d) => ({ ...d, json }))}
            onFields={(back) => change((d) => ({ ...d, json: null, entries: back }))}
          />
          <Circumstances draft={draft} change={change} labels={labels} start={start} tried={tried} now={now} />
        </div>
        <footer>
          <CopyButton
            className="button"
            text={command({
              flow: { name: version.name, project: version.project.name },
              values,
              labels: labelsOf(draft.labels),
              runName: draft.runName.trim(),
              at: start.at,
            })}
          >
            Copy as command
          </CopyButton>
          <button type="submit" className="button solid" data-run disabled={busy} title="Ctrl + Enter">
            {busy ? "Sending…" : draft.start === "at" ? "Schedule the run" : "Run now"}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

/** Fill the form with what a past run was given, once; what stood there before can be had back. */
function useLike(
  like: string | null,
  fields: readonly ParameterField[],
  change: (change: (draft: Draft) => Draft) => void,
  tell: (text: string) => void,
  refuse: (refused: { names: readonly string[]; error: ApiError }) => void,
): void {
  const taken = useRef<string | null>(null);
  useEffect(() => {
    if (like === null || taken.current === like) return;
    taken.current = like;
    request<RunLikeData>(RUN_LIKE, { id: like }).then(
      ({ flow_run: [run] }) => {
        if (!run) return tell("The run to take parameters from is not there any more.");
        const { entries, unknown } = fromValues(fields, run.parameters);
        const left = unknown.length === 0 ? "" : ` This version has no ${listed(unknown)}: left out.`;
        tell(`Filled with the parameters of ${run.name}.${left}`);
        change((d) => ({ ...d, json: null, entries, labels: run.labels.join(", ") }));
      },
      (cause) => refuse({ names: [], error: asApiError(cause) }),
    );
  }, [like, fields, change, tell, refuse]);
}

interface ParametersProps {
  readonly fields: readonly ParameterField[];
  readonly draft: Draft;
  readonly problems: readonly string[];
  readonly errorOf: (field: ParameterField) => string | null;
  readonly onEntry: (name: string, entry: Entry) => void;
  readonly onJson: (json: string) => void;
  readonly onFields: (entries: Entries) => void;
}

function Parameters({ fields, draft, problems, errorOf, onEntry, onJson, onFields }: ParametersProps) {
  const id = useId();
  const { json } = draft;
  if (fields.length === 0) return <p className="faint">This flow takes no parameters.</p>;
  return (
    <fieldset>
      <legend>
        Parameters
        <span className="families" role="group" aria-label="Shape of the form">
          <button
            type="button"
            aria-pressed={json === null}
            disabled={
              json !== null && problems.some((p) => p.startsWith("This is not") || p.startsWith("The flow has no"))
            }
            onClick={() => json !== null && onFields(fromJson(fields, json).entries)}
          >
            Fields
          </button>
          <button
            type="button"
            aria-pressed={json !== null}
            onClick={() => json === null && onJson(toJson(fields, draft.entries))}
          >
            JSON
          </button>
        </span>
      </legend>
      {json === null ? (
        fields.map((field) => (
          <ParameterInput
            key={field.name}
            field={field}
            entry={entryOf(draft.entries, field)}
            error={errorOf(field)}
            onChange={onEntry}
          />
        ))
      ) : (
        <div className="param" data-invalid={problems.length > 0 || undefined}>
          <label htmlFor={id} className="sr">
            All parameters as JSON
          </label>
          <textarea
            id={id}
            className="code"
            spellCheck={false}
            rows={Math.min(24, Math.max(8, json.split("\n").length + 1))}
            aria-invalid={problems.length > 0}
            aria-describedby={`${id}-said`}
            value={json}
            onChange={(e) => onJson(e.target.value)}
          />
          <ul id={`${id}-said`} className="param-error">
            {problems.map((p) => (
              <li key={p}>{p}</li>
            ))}
          </ul>
          <p className="param-hint">What is left out takes its default.</p>
        </div>
      )}
    </fieldset>
  );
}

interface CircumstancesProps {
  readonly draft: Draft;
  readonly change: (change: (draft: Draft) => Draft) => void;
  readonly labels: readonly string[] | null;
  readonly start: { readonly at: number | null; readonly error: string | null };
  readonly tried: boolean;
  readonly now: number;
}

/** When it runs, where it runs, and how it is called. */
function Circumstances({ draft, change, labels, start, tried, now }: CircumstancesProps) {
  const id = useId();
  const error = start.error !== null && (tried || draft.at !== "") ? start.error : null;
  return (
    <fieldset>
      <legend>Run</legend>
      <div className="param" data-invalid={error !== null || undefined}>
        <div className="param-head">
          <span id={`${id}-start`}>Start</span>
        </div>
        <div className="start">
          <div className="segments" role="radiogroup" aria-labelledby={`${id}-start`}>
            {(["now", "at"] as const).map((when) => (
              <label key={when}>
                <input
                  type="radio"
                  name={`${id}-when`}
                  checked={draft.start === when}
                  onChange={() => change((d) => ({ ...d, start: when }))}
                />
                <span>{when === "now" ? "now" : "at a time"}</span>
              </label>
            ))}
          </div>
          {draft.start === "at" && (
            <input
              type="datetime-local"
              aria-label="Date and time of the start, in your time"
              aria-invalid={error !== null}
              aria-describedby={`${id}-at`}
              value={draft.at}
              onChange={(e) => change((d) => ({ ...d, at: e.target.value }))}
            />
          )}
        </div>
        <p id={`${id}-at`} className={error ? "param-error" : "param-hint"}>
          {error ??
            (start.at !== null
              ? `${relative(start.at, now)}, ${new Date(start.at).toISOString().slice(0, 16).replace("T", " ")} UTC`
              : "")}
        </p>
      </div>
      <div className="param">
        <div className="param-head">
          <label htmlFor={`${id}-labels`}>Labels</label>
          <span className="faint">of the agent that shall take it</span>
        </div>
        <input
          id={`${id}-labels`}
          type="text"
          spellCheck={false}
          autoComplete="off"
          placeholder={labels && labels.length > 0 ? labels.join(", ") : "none"}
          value={draft.labels}
          onChange={(e) => change((d) => ({ ...d, labels: e.target.value }))}
        />
      </div>
      <div className="param">
        <div className="param-head">
          <label htmlFor={`${id}-name`}>Name</label>
          <span className="faint">of the run</span>
        </div>
        <input
          id={`${id}-name`}
          type="text"
          spellCheck={false}
          autoComplete="off"
          placeholder="two words of our choice"
          value={draft.runName}
          onChange={(e) => change((d) => ({ ...d, runName: e.target.value }))}
        />
      </div>
    </fieldset>
  );
}
