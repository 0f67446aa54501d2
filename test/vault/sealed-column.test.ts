import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { SEALED, type SealedColumn } from "../../src/services/vault/sealed-column.js";
import { makeDatabase, query, type TestDatabase } from "../support/database.js";

/** Bytes that are stored and are no secret of an organization's that its data key seals. */
const NOT_SEALED: Readonly<Record<string, string>> = {
  "access_tokens.token_hash": "the SHA-256 of a token",
  "apple_certificates.content": "a certificate, which is public",
  "certificates.content": "a certificate, which is public",
  "data_keys.wrapped": "wrapped by the key-encryption key, whose rotation wraps it anew",
  "provisioning_profiles.content": "a profile, as Apple gives it out",
  "vault_sentinels.sealed": "wrapped by the key-encryption key, whose rotation makes another",
};

let database: TestDatabase;
beforeAll(async () => {
  database = await makeDatabase();
});
afterAll(() => database.drop());

test("every column of bytes is among what is sealed, or is known to be none", async () => {
  const rows = await query<{ place: string }>(
    database.ownerUrl,
    `SELECT table_name || '.' || column_name AS place FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type = 'bytea' ORDER BY 1`,
  );
  const sealed = Object.values<SealedColumn>(SEALED).map(({ table, column }) => `${table}.${column}`);
  const stored = rows.map(({ place }) => place);
  expect(sealed.filter((place) => !stored.includes(place))).toEqual([]);
  expect(stored.filter((place) => !sealed.includes(place) && !(place in NOT_SEALED))).toEqual([]);
});

test("whatever is called sealed is sealed, and its row says whose it is and which version", async () => {
  const rows = await query<{ table: string; columns: string[] }>(
    database.ownerUrl,
    `SELECT table_name AS table, array_agg(column_name::text) AS columns FROM information_schema.columns
     WHERE table_schema = 'public' GROUP BY 1 HAVING bool_or(column_name LIKE 'sealed%' AND table_name <> 'vault_sentinels')`,
  );
  const places = Object.values<SealedColumn>(SEALED);
  expect(rows.map(({ table }) => table).sort()).toEqual(places.map(({ table }) => table).sort());
  for (const { table, columns } of rows) {
    const place = places.find((each) => each.table === table);
    const needed = [
      "root_id",
      "id",
      "owner_id",
      place?.column ?? "",
      ...(place?.version == null ? [] : [place.version]),
    ];
    expect(columns).toEqual(expect.arrayContaining(needed));
  }
});
