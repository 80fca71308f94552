/**
 * A page that is fetched when it is opened. Once it is here it is drawn at once, without the placeholder that `lazy` alone would show first.
 * Its styles are fetched with it; where they could not be, they are when it is asked for again.
 */
import { type ComponentType, createElement, lazy, useState } from "react";

export type Later<P> = ComponentType<P> & { readonly load: () => Promise<unknown> };

/** Style sheets that could not be fetched. The bundler takes them for loaded: it asks for each once. */
const missing = new Set<HTMLLinkElement>();
if (typeof window !== "undefined")
  window.addEventListener(
    "error",
    ({ target }) => {
      if (target instanceof HTMLLinkElement && target.rel === "stylesheet") missing.add(target);
    },
    { capture: true },
  );

function again(link: HTMLLinkElement): Promise<unknown> {
  missing.delete(link);
  const fresh = link.cloneNode() as HTMLLinkElement;
  return new Promise((resolve, reject) => {
    fresh.addEventListener("load", resolve);
    fresh.addEventListener("error", () => reject(new Error(`no styles: ${fresh.href}`)));
    link.replaceWith(fresh);
  });
}

export function later<P extends object>(fetchPage: () => Promise<ComponentType<P>>): Later<P> {
  let here: ComponentType<P> | null = null;
  const load = async () => {
    const missed = [...missing];
    const [page] = await Promise.all([fetchPage(), ...missed.map(again)]);
    here = page;
    return { default: page };
  };
  const Lazy = lazy(load) as unknown as ComponentType<P>;
  const Page = (props: P) => {
    // what it began as it stays: another component would begin anew
    const [Shown] = useState<ComponentType<P>>(() => here ?? Lazy);
    return createElement(Shown, props);
  };
  return Object.assign(Page, { load });
}
