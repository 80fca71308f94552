// Written by `npm run generate` from towpath_proto.states. Do not edit: change proto and generate again.

export interface StateKind {
  readonly parent: string | null;
  readonly final: boolean;
  readonly color: string;
  readonly meaning: string;
}

export const STATE_KINDS = {
  Pending: {
    parent: null,
    final: false,
    color: "#8a94a6",
    meaning: "Known, and not ready to run yet.",
  },
  Scheduled: {
    parent: "Pending",
    final: false,
    color: "#d9a400",
    meaning: "Will run at its start time or soon after.",
  },
  Paused: {
    parent: "Scheduled",
    final: false,
    color: "#b98ae0",
    meaning: "Waits until a person resumes it.",
  },
  Resume: {
    parent: "Scheduled",
    final: false,
    color: "#e0b13c",
    meaning: "Was paused and may go on.",
  },
  Retrying: {
    parent: "Scheduled",
    final: false,
    color: "#f08c2e",
    meaning: "Failed, and will be tried again at its start time.",
  },
  Queued: {
    parent: "Scheduled",
    final: false,
    color: "#c2a878",
    meaning: "Waits for a free slot of a concurrency limit.",
  },
  Submitted: {
    parent: null,
    final: false,
    color: "#7fb8d9",
    meaning: "An agent has claimed it and is starting it.",
  },
  Running: {
    parent: null,
    final: false,
    color: "#2f7fe0",
    meaning: "Is running.",
  },
  Cancelling: {
    parent: "Running",
    final: false,
    color: "#a06a6a",
    meaning: "Is being stopped.",
  },
  Finished: {
    parent: null,
    final: true,
    color: "#6b7686",
    meaning: "Has ended.",
  },
  Looped: {
    parent: "Finished",
    final: true,
    color: "#5f8fc0",
    meaning: "One turn of a loop has ended; the next one follows.",
  },
  Cancelled: {
    parent: "Finished",
    final: true,
    color: "#8b5a5a",
    meaning: "Was stopped by a person or a rule.",
  },
  Success: {
    parent: "Finished",
    final: true,
    color: "#2e9e5b",
    meaning: "Has done its work.",
  },
  Cached: {
    parent: "Success",
    final: true,
    color: "#4fb07a",
    meaning: "Took its result from an earlier run.",
  },
  Mapped: {
    parent: "Success",
    final: true,
    color: "#3fa9a0",
    meaning: "Has been spread over its inputs; its children do the work.",
  },
  Skipped: {
    parent: "Success",
    final: true,
    color: "#9ecfae",
    meaning: "Was left out on purpose.",
  },
  Failed: {
    parent: "Finished",
    final: true,
    color: "#d6403a",
    meaning: "Has ended with an error.",
  },
  TimedOut: {
    parent: "Failed",
    final: true,
    color: "#b8322d",
    meaning: "Took longer than its timeout allows.",
  },
  TriggerFailed: {
    parent: "Failed",
    final: true,
    color: "#e2807c",
    meaning: "Its trigger did not allow it to run after what happened upstream.",
  },
  ValidationFailed: {
    parent: "Failed",
    final: true,
    color: "#c65a3a",
    meaning: "Its input or its result is not valid.",
  },
  ClientFailed: {
    parent: null,
    final: false,
    color: "#a03a5a",
    meaning: "A client could not report its state.",
  },
} as const satisfies Record<string, StateKind>;

export type StateName = keyof typeof STATE_KINDS;
