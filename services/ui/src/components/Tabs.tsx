/** Tabs as the WAI-ARIA pattern has them: one tab stop, arrows go on, the panel is named by its tab. The owner keeps which is open. */
import type { ReactNode } from "react";

export interface Tab {
  readonly id: string;
  readonly label: string;
  readonly note?: ReactNode;
  readonly keys?: string;
}

interface Props {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly open: string;
  readonly onOpen: (id: string) => void;
}

export function Tabs({ label, tabs, open, onOpen }: Props) {
  const at = tabs.findIndex((t) => t.id === open);
  return (
    <div
      className="tabs"
      role="tablist"
      aria-label={label}
      onKeyDown={(event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const to =
          event.key === "Home"
            ? 0
            : event.key === "End"
              ? tabs.length - 1
              : by && (at + by + tabs.length) % tabs.length;
        const next = to === undefined ? undefined : tabs[to];
        if (!next) return;
        event.preventDefault();
        onOpen(next.id);
        event.currentTarget.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
      }}
    >
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`tab-${tab.id}`}
          data-tab={tab.id}
          aria-selected={tab.id === open}
          aria-controls={tab.id === open ? `panel-${tab.id}` : undefined}
          aria-keyshortcuts={tab.keys}
          tabIndex={tab.id === open ? 0 : -1}
          onClick={() => onOpen(tab.id)}
        >
          {tab.label}
          {tab.note !== undefined && <span className="faint">{tab.note}</span>}
        </button>
      ))}
    </div>
  );
}
