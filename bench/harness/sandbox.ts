import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import type { NewKey } from "../../src/sandbox/team/key.js";
import { start, type Program } from "./program.js";

/** A sandbox in a process of its own, in Apple's place. */
export interface SandboxProgram {
  readonly url: string;
  /** Makes a key of a team that has so many certificates, and nothing else. */
  readonly makeKey: (certificates: number) => Promise<NewKey & { readonly issuerId: string }>;
  /** Changes settings of the sandbox. */
  readonly configure: (settings: object) => Promise<void>;
  /** Lets every call from now on hang, until `mend`. */
  readonly hang: () => Promise<void>;
  readonly mend: () => Promise<void>;
  readonly forgetCalls: () => Promise<void>;
  /** The calls since they were last forgotten: how many, and how many tokens were in them. */
  readonly calls: () => Promise<{ readonly count: number; readonly tokens: number }>;
}

/** Starts a sandbox that answers at once. */
export async function startSandboxProgram(): Promise<SandboxProgram> {
  const dataDir = await mkdtemp(join(tmpdir(), "countersign-bench-sandbox-"));
  const program: Program = await start(["dist/src/main.js", "sandbox", "--port", "0", "--page-delay-ms", "0"], {
    DATA_DIR: dataDir,
  });
  program.child.once("exit", () => void rm(dataDir, { recursive: true, force: true }));
  const tell = async (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<unknown> => {
    const answer = await request(`${program.url}/sandbox/${path}`, {
      method,
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`The sandbox answered ${answer.statusCode} to ${method} ${path}`);
    return text === "" ? null : (JSON.parse(text) as unknown);
  };
  // A budget of an hour is a matter of Apple's, and not of what is measured.
  await tell("PATCH", "settings", {
    perHour: 100_000_000,
    certificateLimits: { DEVELOPMENT: null, DISTRIBUTION: null },
  });
  return {
    url: program.url,
    makeKey: async (certificates) => {
      const contents = { certificates, profiles: 0, bundleIds: 0, devices: 0, apps: 0 };
      const key = (await tell("POST", "keys", { program: "app-store", contents })) as NewKey;
      // What a team owns is made when it is first looked at: not while something is timed.
      await tell("GET", `teams/${key.teamId}`);
      return { ...key, issuerId: key.issuerId ?? "" };
    },
    configure: async (settings) => {
      await tell("PATCH", "settings", settings);
    },
    hang: async () => {
      await tell("POST", "failures", { times: "always", failure: { kind: "hang" } });
    },
    mend: async () => {
      await tell("DELETE", "failures");
    },
    forgetCalls: async () => {
      await tell("DELETE", "journal");
    },
    calls: async () => {
      const { calls } = (await tell("GET", "journal")) as { calls: readonly { tokenId: string | null }[] };
      return { count: calls.length, tokens: new Set(calls.map(({ tokenId }) => tokenId)).size };
    },
  };
}
