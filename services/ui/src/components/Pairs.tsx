/** Names and what they stand for; what is null has nothing to say and is left out. */
import type { ReactNode } from "react";

export type Pair = readonly [name: string, value: ReactNode];

export function Pairs({ pairs }: { pairs: readonly Pair[] }) {
  return (
    <dl className="pairs">
      {pairs.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
