import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config.js";
import { isRunning, registerKeyOverHttp } from "../sandbox/client.js";
import { startSandbox } from "../sandbox/server.js";
import { SANDBOX_PORT } from "./default.js";
import { untilStopped } from "./signal.js";

const noteOf = (config: Config): string => join(config.dataDir, "sandbox-port");

/** How `countersign sandbox` may be told to run: numbers, as they were typed. */
export interface SandboxCommandOptions {
  readonly port?: string;
  readonly enterprisePort?: string;
  readonly perHour?: string;
  readonly perMinute?: string;
  readonly pageDelayMs?: string;
  readonly listLagMs?: string;
}

/** Runs an App Store Connect to try and test against, until SIGINT or SIGTERM. */
export async function sandbox(config: Config, options: SandboxCommandOptions): Promise<void> {
  const stopped = untilStopped();
  // Number() makes NaN of what is no number, which the sandbox refuses by the name of the setting.
  const told = Object.entries(options).map(([name, text]: [string, string]) => [name, Number(text)]);
  const running = await startSandbox({ port: SANDBOX_PORT, ...(Object.fromEntries(told) as Record<string, number>) });
  // So that `sandbox key` finds the one that runs.
  await mkdir(config.dataDir, { recursive: true, mode: 0o711 });
  await writeFile(noteOf(config), running.url);
  console.log(`The sandbox is listening at ${running.url}`);
  if (running.enterpriseUrl !== running.url) console.log(`and for the Enterprise Program at ${running.enterpriseUrl}`);
  console.log(`Set APPLE_BASE_URL=${running.url} and APPLE_ENTERPRISE_BASE_URL=${running.enterpriseUrl}`);
  await stopped;
  await rm(noteOf(config), { force: true });
  await running.close();
}

interface KeyOptions {
  readonly program: "app-store" | "enterprise";
  readonly individual?: boolean;
  readonly port?: string;
  readonly json?: boolean;
}

/** Registers a new key with a running sandbox, and prints what App Store Connect would let one download once. */
export async function sandboxKey(config: Config, options: KeyOptions): Promise<void> {
  const url = options.port === undefined ? await runningSandbox(config) : `http://127.0.0.1:${options.port}`;
  const { keyId, issuerId, privateKey } = await registerKeyOverHttp(url, {
    program: options.program,
    keyType: options.individual === true ? "individual" : "team",
  });
  if (options.json === true) console.log(JSON.stringify({ keyId, issuerId, privateKey }));
  else console.log(`Key id:    ${keyId}\nIssuer id: ${issuerId ?? "none"}\n\n${privateKey}`);
}

/** The first sandbox that answers: the one last started here, the one that APPLE_BASE_URL names, the one on the usual port. */
async function runningSandbox(config: Config): Promise<string> {
  const noted = await readFile(noteOf(config), "utf8").catch(() => null);
  const named = new URL(config.appleBaseUrl).protocol === "http:" ? config.appleBaseUrl : null;
  const usual = `http://127.0.0.1:${SANDBOX_PORT}`;
  for (const url of [noted, named, usual]) {
    if (url !== null && (await isRunning(url))) return url;
  }
  throw new Error("No sandbox is running here: start one with `countersign sandbox`, or name its --port");
}
