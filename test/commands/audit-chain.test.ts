import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../src/ids.js";
import * as chain from "../../src/services/audit/chain.js";
import { append, keepLogs } from "../support/chain.js";
import { query } from "../support/database.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

/** Entries of the chain that is tampered with, but for what it takes to found the organization. */
const ENTRIES = 2_000;

let server: TestServer;
let acme: Story;
let globex: Story;
let restore: () => Promise<void>;
let total: number;

beforeAll(async () => {
  server = await startTestServer();
  [acme, globex] = [await seed(server), await seed(server, "Globex")];
  const entries = Array.from({ length: ENTRIES }, (_, n) => ({
    ...{ action: "test.noted", subject: { id: newId("credential"), label: `Entry ${n}` } },
    details: { n },
  }));
  await append(server, acme.organizationId, entries);
  await append(server, globex.organizationId, entries.slice(0, 5));
  total = (await look()).entries;
  restore = await keepLogs(server);
});
afterEach(() => restore());
afterAll(() => server.close());

const look = (story = acme): Promise<chain.ChainReport> =>
  chain.verify(server.platform.dataSource, { id: story.organizationId, name: "Acme" });

/** Does something to the chain of Acme as a superuser, whom nothing holds; `$1` is the organization. */
const tamper = (...statements: string[]): Promise<unknown> =>
  query(server.database.ownerUrl, ...statements.map((text) => text.replaceAll("$1", `'${acme.organizationId}'`)));

describe("a chain of 2,000 entries", () => {
  test("that nobody touched is found sound, with the hash it ends with", async () => {
    const report = await look();
    expect(report).toEqual({
      ...{ rootId: acme.organizationId, name: "Acme", fault: null },
      entries: ENTRIES + 1,
      head: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
    const [head] = await query(server.database.ownerUrl, [
      "SELECT hash, seq::int FROM audit_heads WHERE root_id = $1",
      [acme.organizationId],
    ]);
    expect(head).toEqual({ hash: report.head, seq: total });
  });

  const EDITS: Readonly<Record<string, string>> = {
    id: "'aud_' || md5(id)",
    tenant_id: `'${newId("subOrganization")}'`,
    at: "at + interval '1 millisecond'",
    action: "'test.other'",
    outcome: "'DENIED'",
    actor_id: "'someone'",
    actor_label: "actor_label || ' '",
    subject_id: "NULL",
    subject_label: "'Entry'",
    details: `'{"n": "999"}'`,
    request_id: "''",
    ip_address: "'127.0.0.1'",
    hash: "repeat('0', 64)",
  };

  test("the edits are of every column but the chain's own", async () => {
    const columns = await query<{ name: string }>(
      server.database.ownerUrl,
      "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'audit_events'",
    );
    expect([...Object.keys(EDITS), "root_id", "seq"].sort()).toEqual(columns.map(({ name }) => name).sort());
  });

  test.each(Object.entries(EDITS))("names the first entry whose %s was edited", async (column, value) => {
    await tamper(`UPDATE audit_events SET ${column} = ${value} WHERE root_id = $1 AND seq IN (1000, 1500)`);
    const report = await look();
    expect(report.entries).toBe(999);
    expect(report.fault).toMatchObject({ seq: 1000, what: expect.stringContaining("was changed") as unknown });
  });

  test.each([
    ["deleted in the middle", ["DELETE FROM audit_events WHERE root_id = $1 AND seq = 700"], 700, "is missing"],
    ["deleted at the beginning", ["DELETE FROM audit_events WHERE root_id = $1 AND seq = 1"], 1, "is missing"],
    [
      "deleted, and the others moved up",
      [
        "DELETE FROM audit_events WHERE root_id = $1 AND seq = 700",
        "UPDATE audit_events SET seq = -seq WHERE root_id = $1 AND seq > 700",
        "UPDATE audit_events SET seq = -seq - 1 WHERE root_id = $1 AND seq < 0",
      ],
      ...([700, "was changed, put in or moved"] as const),
    ],
    [
      "put in, and the others moved down",
      [
        "UPDATE audit_events SET seq = -seq WHERE root_id = $1 AND seq >= 700",
        "UPDATE audit_events SET seq = -seq + 1 WHERE root_id = $1 AND seq < 0",
        `INSERT INTO audit_events SELECT (jsonb_populate_record(e, '{"seq": 700, "id": "aud_new"}')).* FROM audit_events e
         WHERE root_id = $1 AND seq = 699`,
      ],
      ...([700, "was changed, put in or moved"] as const),
    ],
    [
      "swapped with the next",
      [
        "UPDATE audit_events SET seq = -seq WHERE root_id = $1 AND seq IN (700, 701)",
        "UPDATE audit_events SET seq = 1401 + seq WHERE root_id = $1 AND seq < 0",
      ],
      ...([700, "was changed, put in or moved"] as const),
    ],
    [
      "put in before the first",
      [
        `INSERT INTO audit_events SELECT (jsonb_populate_record(e, '{"seq": 0, "id": "aud_new"}')).* FROM audit_events e
         WHERE root_id = $1 AND seq = 1`,
      ],
      ...([0, "put in"] as const),
    ],
  ] as const)("names an entry that was %s", async (_, statements, seq, what) => {
    await tamper(...statements);
    const report = await look();
    expect(report.fault).toMatchObject({ seq, what: expect.stringContaining(what) as unknown });
    expect(report.entries).toBe(Math.max(0, seq - 1));
  });

  test("names the end that is missing", async () => {
    await tamper(`DELETE FROM audit_events WHERE root_id = $1 AND seq > ${total - 3}`);
    expect(await look()).toMatchObject({
      entries: total - 3,
      fault: { seq: total - 2, what: "is missing, at the end" },
    });
  });

  test.each([
    ["its hash was changed", "UPDATE audit_heads SET hash = repeat('0', 64) WHERE root_id = $1", 0],
    ["it is gone", "DELETE FROM audit_heads WHERE root_id = $1", 0],
    ["it was set back", "UPDATE audit_heads SET seq = seq - 1 WHERE root_id = $1", 1],
  ])("says of the end that was noted that %s", async (_, statement, before) => {
    await tamper(statement);
    expect(await look()).toMatchObject({ entries: total - before, fault: { seq: total - before } });
  });

  test("names an entry that was added behind the end", async () => {
    await tamper(
      `INSERT INTO audit_events SELECT (jsonb_populate_record(e, '{"seq": ${2_000 + 2}, "id": "aud_new"}')).* FROM audit_events e
       WHERE root_id = $1 AND seq = 5`,
    );
    expect(await look()).toMatchObject({ entries: total, fault: { seq: total + 1 } });
  });

  test("that is all gone with its head and its organization's life is none: it ends with no hash", async () => {
    await tamper("DELETE FROM audit_events WHERE root_id = $1", "DELETE FROM audit_heads WHERE root_id = $1");
    expect(await look()).toMatchObject({ entries: 0, head: "", fault: null });
  });

  test("that is tampered with says nothing of another organization's", async () => {
    await tamper("DELETE FROM audit_events WHERE root_id = $1 AND seq = 2");
    expect((await look(globex)).fault).toBeNull();
    const reports = await Promise.all([look(), look(globex)]);
    expect(reports.map(({ fault }) => fault?.seq ?? null)).toEqual([2, null]);
  });
});

describe("the hash", () => {
  const UNUSUAL: readonly (readonly [string, string | null, Record<string, unknown>])[] = [
    ["quotes and backslashes", `a'b"c\\d$$e`, { text: `'"\\\\$1 %s \n\t\r`, 'key with "': "'" }],
    ["all of Unicode", "日本語 🇩🇪 👩‍👩‍👧 e\u0301 \u{10ffff} \u0085", { ключ: "ζωή", emoji: "🧨" }],
    ["nulls and nothing", null, { none: null, empty: "", list: [], object: {}, nested: [null, [], {}] }],
    ["what looks like its own form", "3:abc-4:1234", { a: "-", b: "1:-", c: "--" }],
    ["numbers of any form", "1", { a: 0.1, b: 1e21, c: -0, d: 1e-7, e: 2 ** 70, f: 1.0, g: 5e-324 }],
    ["a megabyte", "big", { text: "ä".repeat(500_000) }],
    [
      "a thousand keys",
      "many",
      Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`k${(n * 7919) % 1000}`, n])),
    ],
    ["deep nesting", "deep", { nested: JSON.parse("[".repeat(500) + "]".repeat(500)) as unknown }],
  ];

  test.each(UNUSUAL)("is the same in the database and here, with %s", async (_, label, details) => {
    const subject = { id: newId("credential"), label };
    await append(server, acme.organizationId, [{ subject, details }, { details: { after: true } }]);
    const report = await look();
    expect([report.fault, report.entries]).toEqual([null, total + 2]);
  });

  test("tells entries apart whose texts run together", () => {
    const entry: Omit<chain.ChainedEntry, "hash"> = {
      ...{
        seq: "1",
        rootId: "r",
        id: "i",
        tenantId: "t",
        at: "2026-01-01T00:00:00.000Z",
        action: "a",
        outcome: "DONE",
      },
      ...{
        actorId: "ab",
        actorLabel: "c",
        subjectId: null,
        subjectLabel: "",
        details: "{}",
        requestId: null,
        ipAddress: null,
      },
    };
    const others: Partial<typeof entry>[] = [
      {},
      { actorId: "a", actorLabel: "bc" },
      { subjectId: "", subjectLabel: null },
      { subjectId: "-", subjectLabel: "" },
      { requestId: "" },
      { ipAddress: "" },
    ];
    expect(new Set(others.map((each) => chain.hashOf("", { ...entry, ...each }))).size).toBe(others.length);
    expect(chain.hashOf("x", entry)).not.toBe(chain.hashOf("", entry));
  });
});
