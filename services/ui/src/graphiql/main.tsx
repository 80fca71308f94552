/**
 * The page for trying out queries: GraphiQL on the gateway's one URL, subscriptions over the same address. A page of its own, so that nobody
 * else loads it; the gateway serves it on a developer's machine only.
 */
import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import "graphiql/graphiql.css";
import "./page.css";

const URL_OF_THE_API = new URL("/graphql", location.href).href;
const QUERY = `# Queries, mutations and subscriptions of Towpath. A key goes into the tab Headers.
query Runs {
  flow_run(limit: 10, order_by: { created: desc }) {
    id
    name
    state
    flow {
      name
    }
  }
}
`;
const HEADERS = `{
  "authorization": ""
}`;

const ask = createGraphiQLFetcher({
  url: URL_OF_THE_API,
  subscriptionUrl: URL_OF_THE_API.replace(/^http/, "ws"),
});

/** A header that is left empty is not sent: an empty credential is a wrong one. */
const fetcher: Fetcher = (params, options) => {
  const given = Object.entries(options?.headers ?? {}).filter(([, value]) => value !== "");
  return ask(params, { ...options, headers: Object.fromEntries(given) });
};

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(<GraphiQL fetcher={fetcher} defaultQuery={QUERY} defaultHeaders={HEADERS} />);
}
