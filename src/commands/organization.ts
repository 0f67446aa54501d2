import { createInterface } from "node:readline/promises";
import type { Config } from "../config.js";
import { deleteOrganization, nameOfRoot } from "../services/vault/deletion.js";
import { safeJson } from "./doctor-table.js";
import { asOwner } from "./vault.js";

interface DeleteOptions {
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** Deletes a root organization with all that is its own, once its name is typed in, or with `--yes`. */
export async function organizationDelete(config: Config, id: string, options: DeleteOptions): Promise<void> {
  await asOwner(config, async (pool) => {
    const name = await nameOfRoot(pool, id);
    if (options.yes !== true && (await typedName(name, id)) !== name) {
      throw new Error("That is not its name: nothing was deleted.");
    }
    const deleted = await deleteOrganization(pool, id);
    if (options.json === true) {
      console.log(safeJson(deleted));
      return;
    }
    console.log(`Deleted "${printable(name)}" (${id}), and destroyed its data keys: ${deleted.dataKeys}.`);
    console.log(`Its log had ${deleted.logEntries} entries; the last hash was ${deleted.logHash || "none"}.`);
  });
}

async function typedName(name: string, id: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const question = `This deletes "${printable(name)}" (${id}) with its sub-organizations, keys, certificates and log, for good.\nType its name: `;
    // Nothing typed in at all: the input has ended.
    const ended = new Promise<string>((resolve) =>
      lines.once("close", () => {
        resolve("");
      }),
    );
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}

const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\ufffd");
