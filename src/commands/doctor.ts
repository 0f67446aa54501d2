import type { DataSource } from "typeorm";
import type { AppleClient, AppleHosts } from "../apple/client.js";
import { clockAdvice } from "../apple/check.js";
import { AppleError } from "../apple/error.js";
import type { Survey } from "../apple/survey.js";
import type { Config } from "../config.js";
import { makeDataSource } from "../database/data-source.js";
import { checkServerRole, UnfitDatabase } from "../database/migrate.js";
import { appleClientOf, openDatabase } from "../platform.js";
import * as checkup from "../services/doctor.js";
import type { KeyFilter, KeyReport, StoredKey } from "../services/doctor.js";
import { dataKeyStore } from "../services/vault/data-key.js";
import { inspectVault } from "../services/vault/vault-sentinel.js";
import { keptKey, keyRingOf } from "../platform/key-ring.js";
import { KeyRefused, KeyServiceFailed } from "../vault/key-provider.js";
import { WrongKey } from "../vault/sentinel.js";
import { Vault } from "../vault/vault.js";
import { clockText, keysTable, safeJson, serverTable } from "./doctor-table.js";

/** What is said of the keys of a program whose host does not answer. */
type Outages = Map<keyof AppleHosts, Survey>;

/** One thing that the server itself needs. `advice` is null where nothing has to be done. */
export interface ServerCheck {
  readonly check: "DATABASE" | "MIGRATIONS" | "VAULT" | keyof AppleHosts;
  readonly ok: boolean;
  readonly detail: string;
  readonly advice: string | null;
  /** By how much Apple's clock is ahead of this server's; null where no host said. */
  readonly clockSkewSeconds: number | null;
}

/** Says what works and what does not with each key that this server has. Sets exit status 1 where something does not. */
export async function doctor(config: Config, options: KeyFilter & { json?: boolean }): Promise<void> {
  const server: ServerCheck[] = [];
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const dataSource = await openChecked(config, server, closers);
    const stored = dataSource === null ? null : await checkup.list(dataSource, options);
    const apple = appleClientOf(config);
    closers.push(() => apple.close());
    const outages: Outages = new Map();
    server.push(...(await reachHosts(apple, stored ?? [], outages)));
    if (options.json !== true) console.log(serverTable(server, isColoured()));
    const keys =
      dataSource === null || stored === null ? [] : await examineAll(config, dataSource, apple, outages, stored);
    if (options.json === true) console.log(safeJson({ server, keys }));
    else if (stored !== null) console.log(keysTable(keys, isColoured()));
    else console.log("\nThe keys were not looked at: first mend what is wrong with the server.");
    if (![...server.map(({ ok }) => ok), ...keys.map(({ works }) => works)].every(Boolean)) process.exitCode = 1;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Node counts NO_COLOR in. */
const isColoured = (): boolean => process.stdout.isTTY && process.stdout.hasColors();

const fine = (check: ServerCheck["check"], detail: string): ServerCheck => ({
  ...{ check, ok: true, detail, advice: null, clockSkewSeconds: null },
});
const faulty = (check: ServerCheck["check"], detail: string, advice: string): ServerCheck => ({
  ...{ check, ok: false, detail, advice, clockSkewSeconds: null },
});

/** Opens the database without changing it, as far as it is fit; null where it is not. Notes each step. */
async function openChecked(
  config: Config,
  server: ServerCheck[],
  closers: (() => Promise<unknown>)[],
): Promise<DataSource | null> {
  let dataSource: DataSource;
  try {
    const database = await openDatabase(config, (line) => {
      console.error(line);
    });
    closers.push(() => database.stop());
    dataSource = await makeDataSource(database.serverUrl, 5).initialize();
    closers.push(() => dataSource.destroy());
    const [row] = await dataSource.query<{ server_version: string }[]>("SHOW server_version");
    server.push(fine("DATABASE", `PostgreSQL ${row?.server_version ?? "of no known version"}`));
  } catch (error) {
    // By its code alone: the message of a driver may hold what it was given.
    const { code, name } = error as { code?: unknown; name?: unknown };
    const advice =
      "Look whether PostgreSQL runs and DATABASE_URL names it; an empty database is made by the first start.";
    server.push(faulty("DATABASE", `cannot be used: ${String(code ?? name)}`, advice));
    return null;
  }
  try {
    await checkServerRole(dataSource);
    server.push(fine("MIGRATIONS", "all have run, and row-level security binds this server"));
  } catch (error) {
    if (!(error instanceof UnfitDatabase)) throw error;
    server.push(faulty("MIGRATIONS", "the database is not fit", `${error.message}.`));
    return null;
  }
  try {
    const sentinel = await inspectVault(dataSource, () => keyRingOf(config, keptKey));
    server.push(fine("VAULT", sentinel === null ? "nothing is sealed yet" : `${sentinel.label} is the right key`));
  } catch (error) {
    const isDown = error instanceof KeyServiceFailed;
    if (!(isDown || error instanceof WrongKey || error instanceof KeyRefused)) throw error;
    const detail = isDown ? "the key service does not answer" : "the key-encryption key is not the right one";
    server.push(faulty("VAULT", detail, error.message));
    return null;
  }
  return dataSource;
}

/** Asks each host that keys use whether it answers. */
async function reachHosts(apple: AppleClient, keys: readonly StoredKey[], outages: Outages): Promise<ServerCheck[]> {
  const programs = [...new Set(keys.map(({ program }) => program))].sort();
  return Promise.all(programs.map((program) => reach(apple, program, outages)));
}

async function reach(apple: AppleClient, program: keyof AppleHosts, outages: Outages): Promise<ServerCheck> {
  try {
    const { status, clockSkewSeconds } = await apple.reach(program);
    if (status >= 500) {
      const down = faulty(program, `answers ${status}`, "Apple cannot serve at the moment: try again later.");
      return { ...down, clockSkewSeconds };
    }
    const advice = clockSkewSeconds === null ? null : clockAdvice(clockSkewSeconds);
    const detail = `answers; ${clockText(clockSkewSeconds)}`;
    return { check: program, ok: advice === null, detail, advice, clockSkewSeconds };
  } catch (error) {
    if (!(error instanceof AppleError)) throw error;
    outages.set(program, { status: "UNREACHABLE", advice: error.message, clockSkewSeconds: null, resources: [] });
    const advice =
      "Look whether this server may reach Apple's hosts (DNS, proxy, firewall), and at Apple's system status.";
    return faulty(program, "does not answer", advice);
  }
}

async function examineAll(
  config: Config,
  dataSource: DataSource,
  apple: AppleClient,
  outages: Outages,
  keys: readonly StoredKey[],
): Promise<KeyReport[]> {
  if (keys.length === 0) return []; // Without a sentinel there need not be a key-encryption key either.
  const vault = new Vault(await keyRingOf(config, keptKey), dataKeyStore);
  return checkup.examine({ dataSource, vault, apple, outages }, keys);
}
