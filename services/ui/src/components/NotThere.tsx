/** An address whose thing is not there: says so, and where to go on. */
import type { ReactNode } from "react";
import { follow } from "../app/router";

interface Props {
  readonly title: string;
  readonly children?: ReactNode;
  readonly to?: string;
  readonly name?: string;
}

export function NotThere({ title, children, to = "/", name = "Home" }: Props) {
  return (
    <section className="empty small">
      <h1>{title}</h1>
      <p>{children ?? "It may have been deleted, or it belongs to another tenant."}</p>
      <a href={to} onClick={follow}>
        {name}
      </a>
    </section>
  );
}
