"""Writes src/generated/states.ts from towpath_proto.states, so that the page and the services share one vocabulary of states.

Responsible for the translation only: which states there are, their parents, colours and meanings is decided in proto. With `--check` it
writes nothing and exits with 1 when the committed file is out of date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "generated" / "states.ts"


def render() -> str:
    """The TypeScript source that says the same as `towpath_proto.states`."""
    # The generator runs on a machine with Node that need not have our packages installed.
    proto = HERE.parents[2] / "proto" / "src"
    if str(proto) not in sys.path:
        sys.path.insert(0, str(proto))
    from towpath_proto.states import KINDS

    lines = [
        "// Written by `npm run generate` from towpath_proto.states. Do not edit: change proto and generate again.",
        "",
        "export interface StateKind {",
        "  readonly parent: string | null;",
        "  readonly final: boolean;",
        "  readonly color: string;",
        "  readonly meaning: string;",
        "}",
        "",
        "export const STATE_KINDS = {",
    ]
    for kind in KINDS.values():
        lines += [
            f"  {kind.name}: {{",
            f"    parent: {json.dumps(kind.parent)},",
            f"    final: {json.dumps(kind.final)},",
            f"    color: {json.dumps(kind.color)},",
            f"    meaning: {json.dumps(kind.meaning)},",
            "  },",
        ]
    lines += ["} as const satisfies Record<string, StateKind>;", "", "export type StateName = keyof typeof STATE_KINDS;", ""]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    """Write the file, or with `--check` say whether it is up to date."""
    wanted = render()
    if "--check" in argv:
        if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == wanted:
            return 0
        print(f"{TARGET.name} is out of date: run `npm run generate` in services/ui", file=sys.stderr)
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
