import { setTimeout as delay } from "node:timers/promises";

const LOOK_AGAIN_MS = 20;
/** What has not come by then does not come. */
const PATIENCE_MS = 60_000;

/** Waits until something is there: looks again and again until `look` gives neither null nor false. Throws where it never does. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | false> | T | null | false,
): Promise<T> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (Date.now() > until) throw new Error(`This never came: ${what}`);
    await delay(LOOK_AGAIN_MS);
  }
}
