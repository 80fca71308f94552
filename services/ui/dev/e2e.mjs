/** The end-to-end check against the fake backend: tries the check itself, and the page, where no server is at hand. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startFakeBackend } from "./fake_backend.mjs";

const backend = await startFakeBackend({ children: 2_000 });
const script = fileURLToPath(new URL("../e2e/first_page.mjs", import.meta.url));
const env = { ...process.env, TOWPATH_UI_URL: backend.url, TOWPATH_UI_RUN_ID: backend.world.names.mapped };
const child = spawn(process.execPath, [script], { env, stdio: "inherit" });
child.on("exit", async (code) => {
  await backend.stop();
  process.exit(code ?? 1);
});
