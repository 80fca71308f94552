import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The page is served by the gateway, from the folder that goes into its wheel.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../gateway/src/towpath_gateway/static",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // GraphiQL is a page of its own: what it needs is in no chunk of the others.
    rollupOptions: { input: ["index.html", "graphiql.html"] },
  },
  server: {
    host: "127.0.0.1",
    port: 4210,
    proxy: { "/graphql": { target: process.env.TOWPATH_API_URL ?? "http://127.0.0.1:4209", ws: true } },
  },
  test: { include: ["tests/**/*.test.{ts,tsx}"], environment: "node" },
});
