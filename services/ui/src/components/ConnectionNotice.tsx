/** Whether the page is live, in the bar; and, when it is not, a line that says since when, what that means and what happens next. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { connection, type Link } from "../api/connection";
import { clock } from "../domain/time";
import { Mark } from "./Mark";

function useLink(): Link {
  return useSyncExternalStore(connection.subscribe, connection.get, connection.get);
}

const WORD: Record<Link["kind"], string> = {
  idle: "",
  connecting: "Connecting",
  live: "Live",
  lost: "Not live",
  refused: "Not live",
};

export function ConnectionMark() {
  const link = useLink();
  return (
    <span className="link-mark" data-link={link.kind} role="status">
      {link.kind !== "idle" && (
        <>
          <Mark taut={link.kind === "live" || link.kind === "connecting"} width={25} />
          <span>{WORD[link.kind]}</span>
        </>
      )}
    </span>
  );
}

export function ConnectionNotice() {
  const link = useLink();
  const [back, setBack] = useState(false);
  useEffect(() => {
    if (link.kind !== "live" || !link.again) {
      setBack(false);
      return;
    }
    setBack(true);
    const timer = setTimeout(() => setBack(false), 4_000);
    return () => clearTimeout(timer);
  }, [link]);
  if (link.kind === "lost")
    return (
      <div className="notice lost" role="alert">
        <p>
          <b>Connection lost</b> at {clock(link.since)}. What you see may be out of date. <Wait until={link.retryAt} />
        </p>
        <button type="button" className="button small" onClick={() => connection.wake()}>
          Try now
        </button>
      </div>
    );
  if (link.kind === "refused")
    return (
      <div className="notice lost" role="alert">
        <p>{link.message}</p>
        <code>{link.code}</code>
      </div>
    );
  if (back)
    return (
      <div className="notice back" role="status">
        <p>
          <b>Connected again.</b> The page has caught up.
        </p>
      </div>
    );
  return null;
}

function Wait({ until }: { until: number | null }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  if (until === null || until <= now) return "Trying to reach the server…";
  return `Trying again in ${Math.ceil((until - now) / 1000)} s.`;
}
