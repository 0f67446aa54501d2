import type { Plan } from "./failure.js";
import type { KeyOptions, NewKey } from "./team/key.js";

/** Makes a key in a sandbox that runs in another process. `baseUrl` is the sandbox's url. Throws when it refuses. */
export async function registerKeyOverHttp(baseUrl: string, options: KeyOptions): Promise<NewKey> {
  const response = await fetch(new URL("/sandbox/keys", baseUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(options),
  });
  const answer = (await response.json()) as NewKey | { message: string };
  if ("message" in answer) throw new Error(`The sandbox made no key: ${answer.message}`);
  return answer;
}

/** Whether a sandbox answers at a url. */
export async function isRunning(baseUrl: string): Promise<boolean> {
  try {
    return (await fetch(new URL("/sandbox/journal", baseUrl))).ok;
  } catch {
    return false;
  }
}

/** Plans a failure in a sandbox that runs in another process. Throws when it refuses. */
export async function failApple(baseUrl: string, plan: Plan): Promise<void> {
  const response = await fetch(new URL("/sandbox/failures", baseUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(plan),
  });
  if (!response.ok) throw new Error("The sandbox takes no such failure");
}

/** Ends all planned failures of a sandbox that runs in another process. */
export async function mendApple(baseUrl: string): Promise<void> {
  await fetch(new URL("/sandbox/failures", baseUrl), { method: "DELETE" });
}
