import { once } from "node:events";
import type { DataSource } from "typeorm";
import type { Config } from "../config.js";
import { makeDataSource } from "../database/data-source.js";
import { openDatabase } from "../platform.js";
import * as chain from "../services/audit/chain.js";
import { safeJson } from "./doctor-table.js";

interface AuditOptions {
  readonly organization?: string;
  readonly json?: boolean;
}

/** Goes through the log of each organization and says whether anything in it was changed. Sets exit status 1 where it was. */
export async function auditVerify(config: Config, options: AuditOptions): Promise<void> {
  await withDatabase(config, async (dataSource) => {
    const found = await chain.organizations(dataSource, options.organization ?? null);
    if (found.length === 0) throw new Error("There is no such organization.");
    const reports: chain.ChainReport[] = [];
    for (const organization of found) reports.push(await chain.verify(dataSource, organization));
    if (options.json === true) console.log(safeJson(reports));
    else for (const report of reports) console.log(lineOf(report));
    if (reports.some(({ fault }) => fault !== null)) process.exitCode = 1;
  });
}

/** Prints every entry, one JSON object a line, in the order of each chain. */
export async function auditExport(config: Config, options: AuditOptions): Promise<void> {
  await withDatabase(config, async (dataSource) => {
    const found = await chain.organizations(dataSource, options.organization ?? null);
    if (found.length === 0) throw new Error("There is no such organization.");
    const reader = { isThere: true };
    process.stdout.on("error", () => (reader.isThere = false)); // Whoever read the lines has read enough: `| head`.
    for (const { id } of found) {
      for await (const { details, seq, ...entry } of chain.entriesOf(dataSource, id)) {
        if (!reader.isThere) return;
        const line = JSON.stringify({ seq: Number(seq), ...entry, details: JSON.parse(details) as unknown });
        if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain").catch(() => undefined);
      }
    }
  });
}

function lineOf({ rootId, name, entries, head, fault }: chain.ChainReport): string {
  const count = `${entries.toLocaleString("en")} ${entries === 1 ? "entry" : "entries"}`;
  if (fault === null)
    return `✓ ${printable(name)} (${rootId}): ${count}, unchanged; the last hash is ${head || "none"}`;
  const which = `entry ${fault.seq}${fault.id === null ? "" : ` (${fault.id})`}`;
  return `✗ ${printable(name)} (${rootId}): ${which} ${fault.what}; the ${count} before it are unchanged`;
}

const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd");

async function withDatabase(config: Config, work: (dataSource: DataSource) => Promise<void>): Promise<void> {
  const database = await openDatabase(config, (line) => {
    console.error(line);
  });
  try {
    const dataSource = makeDataSource(database.serverUrl);
    await dataSource.initialize();
    try {
      await work(dataSource);
    } finally {
      await dataSource.destroy();
    }
  } finally {
    await database.stop();
  }
}
