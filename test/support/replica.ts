import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { readConfig, type Config } from "../../src/config.js";
import type { Platform } from "../../src/context.js";
import { openPlatform } from "../../src/platform.js";
import { startServer } from "../../src/server.js";
import { asker, type Ask, type TestServer } from "./server.js";

const MAIN = fileURLToPath(new URL("../../src/main.js", import.meta.url));

/** Another server on the database of a test server. Nothing else is common to the two. */
export interface Replica {
  readonly platform: Platform;
  readonly ask: Ask;
  readonly close: () => Promise<void>;
}

/** Starts another server in this process. `changes` replaces what its configuration says. */
export async function startReplica(server: TestServer, changes: Partial<Config> = {}): Promise<Replica> {
  const config = { ...readConfig({ ...server.environment }), ...changes };
  const { platform, close: closePlatform } = await openPlatform(config, () => undefined);
  const { url, close } = await startServer(platform, config);
  return {
    platform,
    ask: asker(url),
    close: async () => {
      await close();
      await closePlatform();
    },
  };
}

/** Another server in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  readonly ask: Ask;
  /** Ends the process, in order or at once; gives its exit status, or the signal that ended it. */
  readonly end: (signal: "SIGTERM" | "SIGKILL") => Promise<unknown>;
  /** Asks it to end, or to end at once where it was asked before. */
  readonly signal: () => void;
  readonly isRunning: () => boolean;
  /** All that it has written, its log too. */
  readonly output: () => string;
}

/** Starts another server in a process of its own. `changes` replaces variables of its configuration; `signal` kills it. */
export async function startProcess(
  server: Pick<TestServer, "environment">,
  changes: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<ServerProcess> {
  const env = { PATH: process.env["PATH"], ...server.environment, ...changes };
  const child = spawn(process.execPath, [MAIN, "serve"], {
    ...{ env, stdio: ["ignore", "pipe", "inherit"], killSignal: "SIGKILL" },
    ...(signal !== undefined && { signal }),
  });
  const ended = once(child, "close");
  let output = "";
  const listening = new Promise<string>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const url = /listening at (http:\S+)\/graphql/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([listening, ended]);
  if (typeof url !== "string") throw new Error("The server ended before it listened");
  return {
    url,
    ask: asker(url),
    signal: () => child.kill("SIGTERM"),
    output: () => output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    end: async (signal) => {
      child.kill(signal);
      const [status, by] = (await ended) as [number | null, string | null];
      return status ?? by;
    },
  };
}
