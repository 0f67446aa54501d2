import { setTimeout as delay } from "node:timers/promises";

/** From when the database is back. */
const READY_WITHIN_MS = 5_000;

/** What a server says of its health: the status. */
export const statusOf = async (url: string, path: "/livez" | "/readyz"): Promise<number> =>
  (await fetch(url + path)).status;

/** Waits until a server is ready and serves: within five seconds. */
export async function untilReady(url: string, serves: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + READY_WITHIN_MS;
  for (;;) {
    if ((await statusOf(url, "/readyz")) === 200 && (await serves())) return;
    if (performance.now() > until) throw new Error("The server did not get ready in time");
    await delay(50);
  }
}
