/** The API key of this browser tab, for servers that ask for one. Kept in session storage: gone with the tab, never in the address. */
const NAME = "towpath.api-key";

export function apiKey(): string | null {
  return sessionStorage.getItem(NAME);
}

export function setApiKey(key: string): void {
  sessionStorage.setItem(NAME, key.trim());
}
