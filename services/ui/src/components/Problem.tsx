/** An error as people read it: the sentence, and the code to search for. A server that wants to know who asks is given an API key here. */
import { useState } from "react";
import type { ApiError } from "../api/errors";
import { setApiKey } from "../api/key";

export function Problem({ error }: { error: ApiError }) {
  return (
    <div className="problem" role="alert">
      <p>{error.message}</p>
      {error.code === "UNAUTHENTICATED" && <KeyForm />}
      <code>{error.code}</code>
    </div>
  );
}

function KeyForm() {
  const [key, setKey] = useState("");
  return (
    <form
      className="key-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() === "") return;
        setApiKey(key);
        location.reload();
      }}
    >
      <label>
        <span className="sr">API key</span>
        <input
          type="password"
          autoComplete="off"
          placeholder="API key"
          value={key}
          onChange={(e) => setKey(e.target.value)}
        />
      </label>
      <button type="submit" className="button small">
        Use it
      </button>
    </form>
  );
}
