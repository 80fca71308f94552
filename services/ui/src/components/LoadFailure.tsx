/** Around each page: one that cannot be fetched (the server is away, or was updated under this tab) or drawn says so instead of a blank. */
import { Component, type ReactNode } from "react";

export class LoadFailure extends Component<{ readonly children: ReactNode }, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="page">
        <section className="empty small" role="alert">
          <h1>This page could not be opened.</h1>
          <p>The server may be away, or may have been updated since this tab was opened.</p>
          <button type="button" className="button" onClick={() => location.reload()}>
            Load it again
          </button>
        </section>
      </main>
    );
  }
}
