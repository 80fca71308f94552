/** What the log is filtered by stands in the address. */
import { LEVELS, type Level } from "../data/logStore";
import { setQuery, useQuery } from "./router";

export interface LogFilter {
  readonly level: Level;
  readonly onLevel: (level: Level) => void;
  readonly text: string;
  readonly onText: (text: string) => void;
}

const onLevel = (next: Level) => setQuery({ level: next === "DEBUG" ? null : next }, { replace: true });
const onText = (next: string) => setQuery({ q: next }, { replace: true });

export function useLogFilter(): LogFilter {
  const query = useQuery();
  const level = LEVELS.find((each) => each === query.get("level")) ?? "DEBUG";
  return { level, onLevel, text: query.get("q") ?? "", onText };
}
