import type { DataSource } from "typeorm";
import { checkSentinel, makeSentinel, type KeyProvider } from "../vault/key-provider.js";

/** Proves that the key-encryption key is the one this database is sealed with; the first start sets it. Throws WrongKey. */
export async function checkVault(dataSource: DataSource, provider: KeyProvider): Promise<void> {
  const kept = await find(dataSource);
  if (kept !== undefined) {
    await checkSentinel(provider, kept);
    return;
  }
  await dataSource.query("INSERT INTO vault_sentinels (label, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    provider.label,
    await makeSentinel(provider),
  ]);
  // Of two first starts at once, the other's key may be the one that counts.
  const current = await find(dataSource);
  if (current !== undefined) await checkSentinel(provider, current);
}

/** The same without setting anything. False where nothing was sealed yet; the provider is not made then. */
export async function inspectVault(dataSource: DataSource, provider: () => Promise<KeyProvider>): Promise<boolean> {
  const kept = await find(dataSource);
  if (kept === undefined) return false;
  await checkSentinel(await provider(), kept);
  return true;
}

async function find(dataSource: DataSource): Promise<{ label: string; sealed: Buffer } | undefined> {
  const [row] = await dataSource.query<{ label: string; sealed: Buffer }[]>(
    "SELECT label, sealed FROM vault_sentinels",
  );
  return row;
}
