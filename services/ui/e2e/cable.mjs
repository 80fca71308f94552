/** A cable between the browser and a server that can be cut and mended: a plain TCP proxy. A long one answers late. */
import { connect, createServer } from "node:net";
import { Transform } from "node:stream";

/** What follows within this many ms belongs to what came before it. */
const ONE_ANSWER_MS = 30;

/** Holds each answer back for 0 to `most` ms: those of one connection keep their order, those of different ones overtake each other. */
function late(most) {
  let passed = Number.NEGATIVE_INFINITY;
  return new Transform({
    transform(chunk, _, done) {
      const wait = performance.now() - passed < ONE_ANSWER_MS ? 0 : Math.random() * most;
      setTimeout(() => {
        passed = performance.now();
        done(null, chunk);
      }, wait);
    },
  });
}

/**
 * @param {string} target  the server
 * @param {number} most    how long an answer may be held back, in ms
 */
export async function layCable(target, most = 0) {
  const { hostname, port } = new URL(target);
  const open = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    near.pipe(far);
    if (most > 0) far.pipe(late(most)).pipe(near);
    else far.pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      whole = false;
      for (const socket of open) socket.destroy();
    },
    mend() {
      whole = true;
    },
    remove() {
      this.cut();
      server.close();
    },
  };
}
