/** What the tab of the browser says. */
import { useEffect } from "react";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Towpath`;
  }, [title]);
}
