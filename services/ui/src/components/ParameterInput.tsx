/** One parameter in the form for a run: its name, what it may be, its field, and what is wrong with what stands there. */
import { memo, useId, useRef } from "react";
import { canonical, KIND_WORDS, type ParameterField, shown } from "../domain/parameters";
import { type Entry, meaningOf, textOf, typed, untouched } from "../domain/runForm";
import { parse } from "../domain/time";
import { localZone, wallTime } from "../domain/zones";

interface Props {
  readonly field: ParameterField;
  readonly entry: Entry;
  /** Told once the form has been sent, or by the server. */
  readonly error: string | null;
  readonly onChange: (name: string, entry: Entry) => void;
}

const FEW = 4;

/** What stands in the field: what was typed, or the default that holds while nothing was. */
function textIn(field: ParameterField, entry: Entry): string {
  if (entry.mode === "value") return entry.text;
  return entry.mode === "default" && field.fallback ? textOf(field, field.fallback.value) : "";
}

export const ParameterInput = memo(function ParameterInput({ field, entry, error, onChange }: Props) {
  const id = useId();
  const set = (next: Entry) => onChange(field.name, next);
  const meant = entry.mode === "missing" ? null : meaningOf(field, entry);
  const message = error ?? (meant?.kind === "wrong" ? meant.message : null);
  const described = [field.description && `${id}-what`, `${id}-hint`, message && `${id}-error`]
    .filter(Boolean)
    .join(" ");
  const control: ControlProps = {
    id,
    field,
    entry,
    text: textIn(field, entry),
    described,
    invalid: message !== null,
    set,
  };
  const grouped = field.kind === "boolean" || (field.kind === "choice" && field.choices.length <= FEW);
  return (
    <div className="param" data-param={field.name} data-mode={entry.mode} data-invalid={message !== null || undefined}>
      <div className="param-head">
        {grouped ? <span id={id}>{field.name}</span> : <label htmlFor={id}>{field.name}</label>}
        {field.required && <b className="required">required</b>}
        <span className="faint">{KIND_WORDS[field.kind]}</span>
        <span className="param-tools">
          {field.nullable && (
            <button
              type="button"
              className="quiet"
              aria-pressed={entry.mode === "null"}
              aria-label={`${field.name} is null`}
              onClick={() =>
                set(
                  entry.mode === "null"
                    ? { ...entry, mode: entry.text === "" ? untouched(field).mode : "value" }
                    : { ...entry, mode: "null" },
                )
              }
            >
              null
            </button>
          )}
          {field.fallback && entry.mode !== "default" && (
            <button
              type="button"
              className="quiet"
              data-reset
              aria-label={`Reset ${field.name} to its default`}
              onClick={() => set(untouched(field))}
            >
              Reset
            </button>
          )}
        </span>
      </div>
      {field.description && (
        <p id={`${id}-what`} className="param-what">
          {field.description}
        </p>
      )}
      <Control {...control} />
      <p id={`${id}-hint`} className="param-hint">
        <Hint field={field} entry={entry} />
      </p>
      {message && (
        <p id={`${id}-error`} className="param-error" role={error ? "alert" : undefined}>
          {message}
        </p>
      )}
    </div>
  );
});

/** What will be taken. Nothing where the field says it all. */
function Hint({ field, entry }: { field: ParameterField; entry: Entry }) {
  if (entry.mode === "default") return field.fallback?.of === "group" ? <>the flow's default</> : <>default</>;
  if (entry.mode !== "value") return entry.mode === "null" ? <>null is sent</> : null;
  const meant = meaningOf(field, entry);
  if (meant.kind !== "value") return null;
  if (field.kind === "date-time") {
    const at = parse(zoned(meant.value as string));
    if (at === null) return null;
    const here = wallTime(at, localZone(), Date.now());
    const bare = meant.value === zoned(meant.value as string) ? "" : "read as UTC: ";
    return (
      <>
        {bare}
        {here.day} {here.time} in your time
      </>
    );
  }
  if (field.kind === "any" && typeof meant.value !== "string")
    return (
      <>
        sent as {kindSaid(meant.value)} {shown(meant.value)}
      </>
    );
  if (field.kind === "any" || (field.kind === "string" && meant.value === ""))
    return meant.value === "" ? <>sent as an empty text</> : <>sent as a text</>;
  return null;
}

function kindSaid(value: unknown): string {
  if (Array.isArray(value)) return "the list";
  if (value === null) return "";
  return typeof value === "object" ? "the object" : typeof value === "number" ? "the number" : "";
}

/** A time without a zone is read as UTC by the server, and so it is here. */
function zoned(text: string): string {
  return /(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`;
}

interface ControlProps {
  readonly id: string;
  readonly field: ParameterField;
  readonly entry: Entry;
  readonly text: string;
  readonly described: string;
  readonly invalid: boolean;
  readonly set: (next: Entry) => void;
}

function Control(props: ControlProps) {
  const { field } = props;
  if (field.kind === "boolean") return <Segments {...props} choices={[true, false]} />;
  if (field.kind === "choice")
    return field.choices.length <= FEW ? <Segments {...props} choices={field.choices} /> : <Select {...props} />;
  if (field.kind === "date-time" || field.kind === "date") return <Moment {...props} />;
  const numeric = field.kind === "integer" || field.kind === "number";
  return numeric ? <Line {...props} /> : <Area {...props} />;
}

function common({ id, described, invalid, field, entry }: ControlProps) {
  return {
    id,
    "aria-describedby": described,
    "aria-invalid": invalid,
    "aria-required": field.required,
    placeholder: entry.mode === "null" || (entry.mode === "default" && field.fallback?.value === null) ? "null" : "",
    spellCheck: false,
    autoComplete: "off",
  } as const;
}

function Line(props: ControlProps) {
  const { field, text, set } = props;
  return (
    <input
      {...common(props)}
      type="text"
      inputMode="decimal"
      value={text}
      onChange={(e) => set(typed(field, e.target.value))}
    />
  );
}

/** Grows with what stands in it. */
function Area(props: ControlProps) {
  const { field, text, set } = props;
  const code = field.kind === "array" || field.kind === "object";
  return (
    <textarea
      {...common(props)}
      rows={code ? Math.min(12, Math.max(2, text.split("\n").length)) : Math.min(8, text.split("\n").length)}
      className={code ? "code" : undefined}
      value={text}
      onChange={(e) => set(typed(field, e.target.value))}
    />
  );
}

function Moment(props: ControlProps) {
  const { field, text, set } = props;
  const picker = useRef<HTMLInputElement>(null);
  const day = field.kind === "date";
  const pick = (value: string) => {
    if (value === "") return;
    const at = new Date(value);
    set(typed(field, day ? value : `${value.slice(0, 16)}:00${wallTime(at.getTime(), localZone(), 0).offset}`));
  };
  return (
    <div className="moment">
      <input {...common(props)} type="text" value={text} onChange={(e) => set(typed(field, e.target.value))} />
      <button
        type="button"
        className="button small"
        aria-label={`Pick ${field.name}`}
        onClick={() => picker.current?.showPicker()}
      >
        Pick…
      </button>
      <input
        ref={picker}
        type={day ? "date" : "datetime-local"}
        tabIndex={-1}
        aria-hidden="true"
        className="picker"
        value=""
        onChange={(e) => pick(e.target.value)}
      />
    </div>
  );
}

const said = (value: unknown) => (typeof value === "string" ? value : shown(value));

function Segments({
  id,
  field,
  text,
  described,
  invalid,
  set,
  choices,
}: ControlProps & { choices: readonly unknown[] }) {
  return (
    <div
      className="segments"
      role="radiogroup"
      aria-labelledby={id}
      aria-describedby={described}
      aria-invalid={invalid}
      aria-required={field.required}
    >
      {choices.map((choice) => {
        const value = canonical(choice);
        return (
          <label key={value}>
            <input
              type="radio"
              name={id}
              value={value}
              checked={text === value}
              onChange={() => set(typed(field, value))}
            />
            <span>{said(choice)}</span>
          </label>
        );
      })}
    </div>
  );
}

function Select(props: ControlProps) {
  const { field, text, set } = props;
  const known = field.choices.some((c) => canonical(c) === text);
  const { placeholder, spellCheck, ...rest } = common(props);
  return (
    <select {...rest} value={text} onChange={(e) => set(typed(field, e.target.value))}>
      {!known && <option value={text}>{text === "" ? "Choose…" : text}</option>}
      {field.choices.map((choice) => (
        <option key={canonical(choice)} value={canonical(choice)}>
          {said(choice)}
        </option>
      ))}
    </select>
  );
}
