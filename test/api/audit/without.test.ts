import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { askNoted, mutationOf } from "../../support/audit.js";
import { query } from "../../support/database.js";
import { seed } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { withoutLog } from "../../support/signing.js";
import { anew, deskIn, type Desk } from "./desk.js";
import { documentOf, LINES } from "./table.js";

let server: TestServer;
let desk: Desk;
let owner: string;

beforeAll(async () => {
  server = await startTestServer();
  const acme = await seed(server);
  owner = acme.owner;
  desk = deskIn(server, acme, await acme.subOrganization("Web"));
});
afterAll(() => server.close());

/** All that is stored, table by table, but for what counts requests, and when the server itself looks again. */
async function stored(): Promise<Record<string, string>> {
  const { ownerUrl } = server.database;
  const tables = await query<{ name: string }>(
    ownerUrl,
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'rate%'",
  );
  const parts = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(string_agg(row, '|' ORDER BY row)) AS hash FROM (SELECT (to_jsonb(t) - 'next_look_at')::text AS row FROM ${name} t) rows`,
  );
  const rows = await query<{ name: string; hash: string | null }>(ownerUrl, parts.join(" UNION ALL "));
  return Object.fromEntries(rows.map(({ name, hash }) => [name, hash ?? ""]));
}

/** What holds a secret, or leads to one. */
const KEPT = [
  "certificates",
  "provisioning_profiles",
  "credentials",
  "access_tokens",
  "signing_requests",
  "shares",
  "audit_events",
];

describe("where the log cannot be written, nothing is handed out and nothing is done by", () => {
  test.each(Object.entries(LINES))("%s", async (name, { input, usesKey = false }) => {
    const variables = { input: await input(desk) };
    const { answer, before, after } = await withoutLog(server, async () => {
      const before = await stored();
      const answer = await askNoted(server, owner, documentOf(name), variables);
      await server.platform.snapshots.settle(); // Of four lists the first that fails is answered.
      return { answer, before, after: await stored() };
    });
    expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual(["INTERNAL"]);
    expect([answer.data, answer.log]).toEqual([null, []]);
    // What is to be made at Apple is written down before, so that none is lost: of that there is a trace.
    // A data key that seals nothing yet is no trace of it either.
    const looked = usesKey ? KEPT : Object.keys(before).filter((table) => table !== "data_keys");
    for (const table of looked) expect([table, after[table]]).toEqual([table, before[table]]);
  });

  test("prepareSigning that would hand out what is there", async () => {
    const document = mutationOf("prepareSigning", "kit { download { pkcs12 password } profileDownloads { content } }");
    const at = await desk.withKey();
    const input = { ...at, type: "IOS_APP_STORE", bundleIdentifiers: [anew("com.acme.d")] };
    const first = await askNoted(server, owner, document, { input });
    expect([first.errors, first.text]).toEqual([[], expect.stringContaining("MII")]);
    const { errors, data, text } = await withoutLog(server, () => askNoted(server, owner, document, { input }));
    expect([errors[0]?.extensions.code, data]).toEqual(["INTERNAL", null]);
    expect(text).not.toContain("MII");
    const again = await askNoted(server, owner, document, { input });
    expect(again.log.map(({ action }) => action)).toEqual(["signing.prepared"]);
  });

  test("a read with a key: Apple's answer is not kept, and not given", async () => {
    const { id } = await desk.key();
    const document = `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { devices { nodes { udid } } } } }`;
    const { errors, text } = await withoutLog(server, () => askNoted(server, owner, document, { id }));
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(["INTERNAL"]);
    expect(text).not.toMatch(/"udid":"/);
    const rows = await query(server.database.ownerUrl, ["SELECT 1 FROM apple_devices WHERE credential_id = $1", [id]]);
    expect(rows).toEqual([]);
  });
});
