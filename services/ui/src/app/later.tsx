/** A page that is fetched when it is opened. Once it is here it is drawn at once, without the placeholder that `lazy` alone would show first. */
import { type ComponentType, createElement, lazy, useState } from "react";

export type Later<P> = ComponentType<P> & { readonly load: () => Promise<unknown> };

export function later<P extends object>(fetchPage: () => Promise<ComponentType<P>>): Later<P> {
  let here: ComponentType<P> | null = null;
  const load = async () => {
    here = await fetchPage();
    return { default: here };
  };
  const Lazy = lazy(load) as unknown as ComponentType<P>;
  const Page = (props: P) => {
    // what it began as it stays: another component would begin anew
    const [Shown] = useState<ComponentType<P>>(() => here ?? Lazy);
    return createElement(Shown, props);
  };
  return Object.assign(Page, { load });
}
