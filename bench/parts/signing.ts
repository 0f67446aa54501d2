import { generateKeyPairSync } from "node:crypto";
import { signToken } from "../../src/apple/token.js";
import { readP8 } from "../../src/files/p8.js";
import { makeDataKey, openWith, sealWith } from "../../src/vault/envelope.js";
import { Secret } from "../../src/vault/secret.js";
import { median, timed } from "../harness/load.js";
import type { Cell, Table } from "../harness/table.js";

const TOKENS = 1_000;

/** A token for Apple of a team's key, as the server signs it. */
export function tokenOf(key: { readonly keyId: string; readonly issuerId: string; readonly privateKey: string }) {
  return signedWith(key.keyId, key.issuerId, Secret.of(readP8(key.privateKey).pkcs8Der));
}

async function signedWith(keyId: string, issuerId: string, der: Secret): Promise<string> {
  const key = { credentialId: keyId, version: 1, program: "APP_STORE", keyType: "TEAM", keyId, issuerId } as const;
  return (await signToken({ ...key, privateKey: () => Promise.resolve(der) })).jwt;
}

/** What a thousand keys take: sealed, opened, and a token signed with each. */
export async function signing(repeats: number): Promise<Table> {
  const dataKey = makeDataKey("key_bench");
  const keys = Array.from({ length: TOKENS }, (_, n) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const der = Secret.of(privateKey.export({ type: "pkcs8", format: "der" }));
    const place = { table: "credentials", column: "sealed_key", rowId: `cred_${n}`, ownerId: "org_1", version: 1 };
    return { der, place, sealed: sealWith(dataKey, der, place) };
  });
  const rows: Cell[][] = [];
  const measure = async (name: string, work: () => unknown): Promise<void> => {
    const times: number[] = [];
    for (let n = 0; n <= repeats; n += 1) times.push(await timed(async () => await work()));
    const ms = median(times.slice(1));
    rows.push([name, ms, (ms * 1000) / TOKENS]);
  };
  await measure("sealed by the vault", () => keys.map(({ der, place }) => sealWith(dataKey, der, place)));
  await measure("opened by the vault", () => keys.map(({ sealed, place }) => openWith(dataKey, sealed, place)));
  await measure("token signed", () =>
    Promise.all(keys.map(({ der, place }) => signedWith(place.rowId, "issuer", der))),
  );
  return {
    title: `${TOKENS.toLocaleString("en-US")} keys: sealed, opened, a token signed with each`,
    note: "In one process and without a database: what the vault and the signatures cost by themselves. The server signs once for 19 minutes.",
    columns: ["step", "ms", "µs a key"],
    rows,
  };
}
