import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import pg, { type Pool } from "pg";
import { SEALED } from "../../src/services/vault/sealed-column.js";
import { mutate } from "../support/mutation.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { issueFor } from "../support/signing.js";
import { furnish } from "../support/vault.js";

/** A sealed value where it is stored, and a way to have the server open it. */
interface Sealed {
  readonly table: string;
  readonly id: string;
  readonly story: Story;
  /** `true`: opened and used. Otherwise the code that the client was answered with. */
  readonly use: () => Promise<true | string>;
}

/** Rows of each of two organizations that take part in the swapping. */
const ROWS = 5;
/** After so many attacks the others are asked whether they still work. */
const LOOK_AROUND_AFTER = 100;

let server: TestServer;
let owner: Pool;
let keys: Sealed[];
let certificate: Sealed;
let request: Sealed;
/** A key of either organization that nobody attacks. */
let others: Sealed[];
const told: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  owner = new pg.Pool({ connectionString: server.database.ownerUrl, max: 2 });
  const stories = [await seed(server), await seed(server, "Globex")] as const;
  const [acme] = stories;
  const made = [];
  for (const story of stories) {
    const ids = (await furnish(server, story, { keys: ROWS + 1 })).keys;
    made.push(...ids.map((id) => keyOf(story, id)));
  }
  others = [made[ROWS], made[2 * ROWS + 1]].filter((each) => each !== undefined);
  keys = made.filter((each) => !others.includes(each));
  const { certificates } = await furnish(server, acme, { keys: 0, certificates: 1 });
  certificate = certificateOf(acme, certificates[0] ?? "");
  request = await requestOf(acme);
}, 60_000);
afterAll(async () => {
  console.log(told.join("\n"));
  await owner.end();
  await server.close();
});

const codeOf = ({ denied, refused }: { denied: string | null; refused: { code: string } | null }): true | string =>
  denied ?? refused?.code ?? true;

const keyOf = (story: Story, id: string): Sealed => ({
  ...{ table: "credentials", id, story },
  use: async () =>
    codeOf(await mutate(server, story.owner, "verifyCredential", "credential { id }", { credentialId: id })),
});

const certificateOf = (story: Story, id: string): Sealed => ({
  ...{ table: "certificates", id, story },
  use: async () =>
    codeOf(await mutate(server, story.owner, "downloadCertificate", "download { fileName }", { certificateId: id })),
});

/** A signing request that waits for its certificate, which is at hand. Used, it is completed: only once. */
async function requestOf(story: Story): Promise<Sealed> {
  const input = { tenantId: story.organizationId, commonName: "Web", email: "ci@acme.example", country: "DE" };
  const { payload } = await mutate<{ signingRequest: { id: string; csr: string } }>(
    ...([server, story.owner, "createSigningRequest", "signingRequest { id csr: csrPem }", input] as const),
  );
  if (payload === null) throw new Error("The signing request was refused");
  const { id, csr } = payload.signingRequest;
  const content = (await issueFor(csr)).toString("base64");
  const complete = { signingRequestId: id, certificate: content };
  return {
    ...{ table: "signing_requests", id, story },
    use: async () =>
      codeOf(await mutate(server, story.owner, "completeSigningRequest", "certificate { id }", complete)),
  };
}

async function blobOf({ table, id }: Pick<Sealed, "table" | "id">): Promise<Buffer> {
  const { rows } = await owner.query<{ sealed: Buffer }>(`SELECT sealed_key AS sealed FROM ${table} WHERE id = $1`, [
    id,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("There is no such row");
  return row.sealed;
}
const put = ({ table, id }: Sealed, blob: Buffer) =>
  owner.query(`UPDATE ${table} SET sealed_key = $2 WHERE id = $1`, [id, blob]);

/** Puts each of the values in the place of what is sealed there, and counts how often the server refused, with a code. */
async function attack(target: Sealed, blobs: Iterable<Buffer>): Promise<{ tried: number; refused: number }> {
  const kept = await blobOf(target);
  const counts = { tried: 0, refused: 0 };
  for (const blob of blobs) {
    await put(target, blob);
    counts.tried += 1;
    if ((await target.use()) === "INTERNAL") counts.refused += 1;
    if (counts.tried % LOOK_AROUND_AFTER === 1) for (const other of others) expect(await other.use()).toBe(true);
  }
  await put(target, kept);
  return counts;
}

function* flippedIn(blob: Buffer): Iterable<Buffer> {
  for (let index = 0; index < blob.length; index += 1) {
    const flipped = Buffer.from(blob);
    flipped.writeUInt8(flipped.readUInt8(index) ^ randomInt(1, 256), index);
    yield flipped;
  }
}

function* cutFrom(blob: Buffer): Iterable<Buffer> {
  for (let length = 0; length < blob.length; length += 1) yield blob.subarray(0, length);
}

const tell = (what: string, { tried, refused }: { tried: number; refused: number }): void => {
  told.push(`${what}: ${tried.toLocaleString("en")} tried, ${refused.toLocaleString("en")} refused`);
};

describe("a sealed value that was", () => {
  test("changed in any one byte is refused, and the others keep working", async () => {
    const [key] = keys;
    if (key === undefined) throw new Error("There is no key");
    const sum = { tried: 0, refused: 0 };
    for (const target of [key, certificate, request]) {
      const blob = await blobOf(target);
      const { tried, refused } = await attack(target, flippedIn(blob));
      expect([target.table, tried, refused]).toEqual([target.table, blob.length, blob.length]);
      sum.tried += tried;
      sum.refused += refused;
    }
    tell("bytes flipped in 3 sealed values", sum);
    for (const target of [key, certificate]) expect(await target.use()).toBe(true);
  }, 600_000);

  test("cut off anywhere is refused", async () => {
    const [, key] = keys;
    if (key === undefined) throw new Error("There is no key");
    const counts = await attack(key, cutFrom(await blobOf(key)));
    tell("cut off", counts);
    expect(counts.tried).toBeGreaterThan(150);
    expect(counts.refused).toBe(counts.tried);
    expect(await key.use()).toBe(true);
  }, 120_000);

  test("swapped with any other of ten rows of two organizations is refused in both", async () => {
    const counts = { tried: 0, refused: 0 };
    const pairs = keys.flatMap((one, n) => keys.slice(n + 1).map((other) => [one, other] as const));
    expect(pairs).toHaveLength(45);
    for (const [one, other] of pairs) {
      const [a, b] = [await blobOf(one), await blobOf(other)];
      await put(one, b);
      await put(other, a);
      for (const each of [one, other]) {
        counts.tried += 1;
        if ((await each.use()) === "INTERNAL") counts.refused += 1;
      }
      await put(one, a);
      await put(other, b);
      if (counts.tried % 10 === 0) for (const each of others) expect(await each.use()).toBe(true);
    }
    tell("rows with another's value, of 45 swapped pairs", counts);
    expect(counts).toEqual({ tried: 90, refused: 90 });
    for (const each of keys) expect(await each.use()).toBe(true);
  }, 120_000);

  test("moved to another column of the same owner is refused", async () => {
    const [key] = keys;
    if (key === undefined) throw new Error("There is no key");
    const places = Object.values(SEALED);
    const sum = { tried: 0, refused: 0 };
    for (const target of [key, certificate, request]) {
      const blobs: Buffer[] = [];
      for (const { table } of places.filter((place) => place.table !== target.table)) {
        const { rows } = await owner.query<{ id: string }>(
          `SELECT id FROM ${table} WHERE owner_id = $1 AND sealed_key IS NOT NULL LIMIT 1`,
          [target.story.organizationId],
        );
        blobs.push(await blobOf({ table, id: rows[0]?.id ?? "" }));
      }
      const { tried, refused } = await attack(target, blobs);
      sum.tried += tried;
      sum.refused += refused;
    }
    tell("moved to another column", sum);
    expect(sum).toEqual({ tried: 9, refused: 9 });
  }, 60_000);

  test("put back after a rotation is refused", async () => {
    const key = keys.at(-1);
    if (key === undefined) throw new Error("There is no key");
    const before = await blobOf(key);
    const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
    const input = { credentialId: key.id, keyId, issuerId, privateKey, verify: false };
    await mutate(server, key.story.owner, "rotateCredential", "credential { id }", input);
    expect(await key.use()).toBe(true);
    const counts = await attack(key, [before]);
    tell("put back after a rotation", counts);
    expect(counts.refused).toBe(1);
    expect(await key.use()).toBe(true);
  });
});
