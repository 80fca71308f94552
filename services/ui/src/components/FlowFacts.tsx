/** What is known of a version besides its graph: who registered it, how and where it runs, what its code was written with. */
import { useEffect, useState } from "react";
import { request } from "../api/http";
import { useNow } from "../app/now";
import {
  FLOW_INNER,
  type FlowInnerData,
  type GroupRow,
  type KeyData,
  SIGNING_KEY,
  type VersionRow,
} from "../data/documents/flow";
import { moment, parse, relative } from "../domain/time";
import { CopyButton } from "./CopyButton";

type Inner = FlowInnerData["flow"][number];

/** What a role may not see stays null: the page is whole without it. */
export function useInner(flowId: string): Inner | null {
  const [held, setHeld] = useState<{ id: string; inner: Inner | null } | null>(null);
  useEffect(() => {
    let stopped = false;
    request<FlowInnerData>(FLOW_INNER, { flow: flowId }).then(
      ({ flow }) => stopped || setHeld({ id: flowId, inner: flow[0] ?? null }),
      () => stopped || setHeld({ id: flowId, inner: null }),
    );
    return () => {
      stopped = true;
    };
  }, [flowId]);
  return held?.id === flowId ? held.inner : null;
}

function useKeyName(keyId: string | null): string | null {
  const [name, setName] = useState<string | null>(null);
  useEffect(() => {
    let stopped = false;
    setName(null);
    if (keyId)
      request<KeyData>(SIGNING_KEY, { key: keyId }).then(
        ({ signing_key: rows }) => stopped || setName(rows[0]?.name ?? null),
        () => undefined,
      );
    return () => {
      stopped = true;
    };
  }, [keyId]);
  return name;
}

const HIDDEN = new Set(["type", "__version__", "labels"]);

/** A config of Prefect's kind: its type, and what is set in it. */
function Config({ value }: { value: Readonly<Record<string, unknown>> }) {
  const set = Object.entries(value).filter(
    ([name, v]) =>
      !HIDDEN.has(name) && v !== null && v !== undefined && JSON.stringify(v) !== "{}" && JSON.stringify(v) !== "[]",
  );
  return (
    <>
      {String(value.type ?? "given")}
      {set.length > 0 && (
        <details>
          <summary>{set.map(([name]) => name).join(", ")}</summary>
          <pre>{JSON.stringify(Object.fromEntries(set), null, 2)}</pre>
        </details>
      )}
    </>
  );
}

export function labelsOfFlow(group: GroupRow, inner: Inner | null): readonly string[] | null {
  const of = (config: Readonly<Record<string, unknown>> | null | undefined) =>
    Array.isArray(config?.labels) ? (config.labels as string[]) : null;
  return group.labels ?? of(inner?.flow_group.run_config) ?? of(inner?.run_config);
}

export function FlowFacts({ group, version, inner }: { group: GroupRow; version: VersionRow; inner: Inner | null }) {
  const now = useNow();
  const key = useKeyName(version.code_key_id);
  const at = parse(version.created) ?? now;
  const labels = labelsOfFlow(group, inner);
  const config = inner?.flow_group.run_config ?? inner?.run_config;
  const info = Object.entries(version.code_info ?? {});
  const defaults = Object.entries(group.default_parameters);
  return (
    <section className="flow-card" aria-labelledby="facts-title">
      <h2 id="facts-title">Version {version.version}</h2>
      <dl className="sheet">
        <dt>Registered</dt>
        <dd>
          {relative(at, now)} <span className="faint">{moment(at, now)}</span>
        </dd>
        {version.code_key_id && (
          <>
            <dt>Signed by</dt>
            <dd>
              {key ?? <span className="faint">a key without a name</span>}{" "}
              <code className="faint" title={version.code_key_id}>
                {version.code_key_id.slice(0, 12)}
              </code>
            </dd>
          </>
        )}
        {version.code_hash && (
          <>
            <dt>Code</dt>
            <dd>
              <code title={`sha256 ${version.code_hash}`}>{version.code_hash.slice(0, 12)}</code>
            </dd>
          </>
        )}
        {info.length > 0 && (
          <>
            <dt>Written with</dt>
            <dd>{info.map(([name, v]) => `${name} ${String(v)}`).join(", ")}</dd>
          </>
        )}
        <dt>Labels</dt>
        <dd>
          {labels && labels.length > 0 ? (
            labels.join(" · ")
          ) : (
            <span className="faint">none: any agent without labels</span>
          )}
        </dd>
        {config && (
          <>
            <dt>Run config</dt>
            <dd>
              <Config value={config} />
            </dd>
          </>
        )}
        {version.storage && (
          <>
            <dt>Storage</dt>
            <dd>
              <Config value={version.storage} />
            </dd>
          </>
        )}
        {defaults.length > 0 && (
          <>
            <dt>Defaults</dt>
            <dd>
              {defaults.map(([name, v]) => (
                <code key={name} className="line">
                  {name}={JSON.stringify(v)}
                </code>
              ))}
            </dd>
          </>
        )}
        <dt>Id</dt>
        <dd className="id">
          <code title={version.id}>{version.id}</code>
          <CopyButton text={version.id} label="Copy the id of this version">
            Copy
          </CopyButton>
        </dd>
      </dl>
    </section>
  );
}
