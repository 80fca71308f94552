/** A Python traceback as parts: what was raised, and through which lines of whose code it went. Pure; text that is none gives null. */

export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly where: string;
  readonly code: readonly string[];
  /** Code of the flow's author, as far as the path tells: neither ours nor an installed package nor Python itself. */
  readonly own: boolean;
}

export interface Traceback {
  /** What stands before the traceback. */
  readonly said: string;
  readonly frames: readonly Frame[];
  readonly error: string;
}

const HEAD = "Traceback (most recent call last):";
const FRAME = /^ {2}File "(.+)", line (\d+)(?:, in (.+))?$/;
const NOT_OWN = /(^|\/)(site-packages|dist-packages|towpath)\/|\/lib\/python\d/;

/** The last traceback of a message: with chained errors the one that ended the task. */
export function parseTraceback(message: string): Traceback | null {
  const at = message.lastIndexOf(HEAD);
  if (at < 0) return null;
  const frames: Frame[] = [];
  const rest: string[] = [];
  let open: { file: string; line: number; where: string; code: string[] } | null = null;
  const close = () => {
    if (open) frames.push({ ...open, own: !NOT_OWN.test(open.file) });
    open = null;
  };
  for (const text of message
    .slice(at + HEAD.length)
    .split("\n")
    .slice(1)) {
    const found = FRAME.exec(text);
    if (found) {
      close();
      open = { file: found[1] as string, line: Number(found[2]), where: found[3] ?? "", code: [] };
    } else if (text.startsWith("    ") && open !== null && rest.length === 0) {
      // the marks of Python 3.11 under the line say nothing without a fixed width
      if (!/^\s*[\^~]+\s*$/.test(text)) (open as { code: string[] }).code.push(text.trim());
    } else if (text.trim() !== "") {
      close();
      rest.push(text);
    }
  }
  close();
  if (frames.length === 0) return null;
  return { said: message.slice(0, at).trim(), frames, error: rest.join("\n") };
}
