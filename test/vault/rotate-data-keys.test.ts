import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Pool } from "pg";
import { makeReadPool } from "../../src/database/read-pool.js";
import { inPreparedTransaction } from "../../src/database/tenancy.js";
import { dataKeyStore } from "../../src/services/vault/data-key.js";
import { rotateDataKeys } from "../../src/services/vault/data-key-rotation.js";
import { placeIn, SEALED } from "../../src/services/vault/sealed-column.js";
import type { KeyProvider } from "../../src/vault/key-provider.js";
import { KeyRing } from "../../src/vault/key-ring.js";
import { Secret } from "../../src/vault/secret.js";
import { Vault } from "../../src/vault/vault.js";
import { query } from "../support/database.js";
import { eventually } from "../support/eventually.js";
import { mutate } from "../support/mutation.js";
import { startReplica, type Replica } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { furnish, keyOf, openAll, operate } from "../support/vault.js";

let server: TestServer;
let replica: Replica;
let owner: Pool;
let key: KeyProvider;

beforeAll(async () => {
  server = await startTestServer();
  replica = await startReplica(server);
  owner = makeReadPool(server.database.ownerUrl, 4);
  key = keyOf(server.environment["COUNTERSIGN_KEY"] ?? "");
});
afterAll(async () => {
  await owner.end();
  await replica.close();
  await server.close();
});

const newVault = () => new Vault(new KeyRing(key), dataKeyStore);
/** Rotates as the command does, in this process. `pause` stands for the time in which requests end that read before. */
const rotate = (organizationId: string | null, pause: () => Promise<unknown> = () => Promise.resolve()) =>
  rotateDataKeys({ pool: owner, vault: newVault() }, { organizationId, graceSeconds: 0 }, pause);

const keysOf = async ({ organizationId }: Story): Promise<string[]> => {
  const statement = "SELECT id FROM data_keys WHERE root_id = $1 ORDER BY id";
  const rows = await query<{ id: string }>(server.database.ownerUrl, [statement, [organizationId]]);
  return rows.map(({ id }) => id);
};
const blobOf = async (id: string) => {
  const statement = `SELECT id, owner_id AS "ownerId", key_version AS version, sealed_key AS sealed FROM credentials WHERE id = $1`;
  const [row] = await query<{ id: string; ownerId: string; version: number; sealed: Buffer }>(
    server.database.ownerUrl,
    [statement, [id]],
  );
  if (row === undefined) throw new Error("The key is gone");
  return row;
};
const verify = (at: Pick<TestServer, "ask">, story: Story, credentialId: string) =>
  mutate<object>(at, story.owner, "verifyCredential", "credential { id }", { credentialId });
const newP8 = async () => {
  const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
  return { keyId, issuerId, privateKey, verify: false };
};

describe("new data keys", () => {
  test("seal everything anew; the old one is destroyed, and what it had sealed opens no more", async () => {
    const story = await seed(server);
    const { keys } = await furnish(server, story, { keys: 3, certificates: 2, requests: 2 });
    const [before] = await keysOf(story);
    const { sealed, version, ...row } = await blobOf(keys[0] ?? "");
    const done = await operate(server, [
      ...["vault", "rotate", "--data-keys", "--organization", story.organizationId, "--wait", "0"],
    ]);
    expect(done).toMatchObject({ status: 0, stderr: "" });
    // Three keys and two that made certificates; two certificates, and what was written down of them; two requests.
    expect(done.stdout).toBe("1 organization: 1 data key made, 11 secrets sealed anew, 1 old data key destroyed.\n");
    const after = await keysOf(story);
    expect(after).toHaveLength(1);
    expect(after).not.toContain(before);
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
    await inPreparedTransaction(owner, { roots: [story.organizationId], tenants: [] }, async (unit) => {
      const place = placeIn(SEALED.credentialKey, row, version);
      await expect(newVault().open(unit, sealed, place)).rejects.toThrow("cannot be opened");
    });
    for (const at of [server, replica]) expect((await verify(at, story, keys[0] ?? "")).payload).not.toBeNull();
  }, 60_000);

  test("are made for all organizations, and not for one that has sealed nothing", async () => {
    const [story, bare] = [await seed(server), await seed(server, "Bare")];
    await furnish(server, story, { keys: 2 });
    const [before] = await keysOf(story);
    const done = await rotate(null);
    expect(done).toMatchObject({ made: done.organizations, destroyed: done.organizations, broken: [] });
    expect(await keysOf(story)).not.toContain(before);
    expect(await keysOf(bare)).toEqual([]);
    const actions = await query<{ action: string }>(server.database.ownerUrl, [
      "SELECT action FROM audit_events WHERE root_id = $1 AND action LIKE 'data_key.%' ORDER BY seq",
      [story.organizationId],
    ]);
    expect(actions.map(({ action }) => action)).toEqual(["data_key.rotated", "data_key.destroyed"]);
  });
});

describe("whoever works at the same time", () => {
  test("loses nothing: keys are added, rotated, verified and deleted by two servers meanwhile", async () => {
    const story = await seed(server);
    const { keys } = await furnish(server, story, { keys: 12, requests: 1 });
    const failures: unknown[] = [];
    let isRotating = true;
    const rounds: [number, number] = [0, 0];
    const work = async (at: Pick<TestServer, "ask">, who: 0 | 1): Promise<void> => {
      const mine = who === 0 ? keys.slice(0, 6) : keys.slice(6);
      for (let n = 0; isRotating || n < mine.length; n += 1) {
        const credentialId = mine[n % mine.length] ?? "";
        const tenantId = story.organizationId;
        const steps = [
          await mutate<object>(at, story.owner, "rotateCredential", "credential { id }", {
            credentialId,
            ...(await newP8()),
          }),
          await verify(at, story, credentialId),
        ];
        const input = { tenantId, name: "Short", program: "APP_STORE", keyType: "TEAM", ...(await newP8()) };
        const added = await mutate<{ credential: { id: string } }>(
          ...([at, story.owner, "createCredential", "credential { id }", input] as const),
        );
        const gone = { credentialId: added.payload?.credential.id, force: true };
        steps.push(added, await mutate<object>(at, story.owner, "deleteCredential", "deletedId", gone));
        failures.push(
          ...steps.filter(({ denied, refused }) => denied !== null || refused !== null).map(({ text }) => text),
        );
        rounds[who] += 1;
      }
    };
    const working = [work(server, 0), work(replica, 1)];
    const done: Awaited<ReturnType<typeof rotate>>[] = [];
    for (let n = 0; n < 5; n += 1) {
      // Requests that have read what the old key sealed end before it is destroyed.
      const pause = () => {
        const seen = [...rounds];
        return eventually("another whole round of each", () =>
          rounds.every((round, who) => round >= (seen[who] ?? 0) + 2),
        );
      };
      done.push(await rotate(story.organizationId, pause));
    }
    isRotating = false;
    await Promise.all(working);
    expect(failures).toEqual([]);
    expect(done.map(({ made, destroyed, broken }) => [made, destroyed, broken])).toEqual(Array(5).fill([1, 1, []]));
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
    expect(await keysOf(story)).toHaveLength(1);
  }, 120_000);

  test("and has sealed with the old key just before, stores it before the old key can go", async () => {
    const story = await seed(server);
    const { keys } = await furnish(server, story, { keys: 1 });
    const { organizationId: rootId } = story;
    const { version, ...row } = await blobOf(keys[0] ?? "");
    const scope = { roots: [rootId], tenants: [rootId] };
    let goOn: () => void = () => undefined;
    const isHeld = new Promise<void>((resolve) => (goOn = resolve));
    let hasSealed: () => void = () => undefined;
    const sealing = new Promise<void>((resolve) => (hasSealed = resolve));
    const { platform } = server;
    const slow = inPreparedTransaction(platform.readPool, scope, async (unit) => {
      const place = placeIn(SEALED.credentialKey, row, version);
      const again = await platform.vault.seal(unit, rootId, await platform.vault.open(unit, row.sealed, place), place);
      hasSealed();
      await isHeld;
      await unit.rows({ name: "test_store", text: "UPDATE credentials SET sealed_key = $2 WHERE id = $1" }, [
        row.id,
        again,
      ]);
    });
    await sealing;
    const rotation = rotate(rootId);
    await eventually("the rotation waits", async () => {
      const waiting =
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
      return (await query(server.database.ownerUrl, waiting)).length > 0;
    });
    expect(await keysOf(story)).toHaveLength(1);
    goOn();
    await slow;
    expect(await rotation).toMatchObject({ made: 1, resealed: 1, destroyed: 1, broken: [] });
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
  });

  test("and has read what the old key sealed, opens it until the wait is over", async () => {
    const story = await seed(server);
    const { keys } = await furnish(server, story, { keys: 1 });
    const { sealed, version, ...row } = await blobOf(keys[0] ?? "");
    const open = () =>
      inPreparedTransaction(server.platform.readPool, { roots: [story.organizationId], tenants: [] }, (unit) =>
        newVault().open(unit, sealed, placeIn(SEALED.credentialKey, row, version)),
      );
    let opened: Secret | null = null;
    const done = await rotate(story.organizationId, async () => (opened = await open()));
    expect(done).toMatchObject({ resealed: 1, destroyed: 1 });
    expect(opened).toBeInstanceOf(Secret);
    await expect(open()).rejects.toThrow("cannot be opened");
  });
});

describe("a rotation that is killed while it waits for requests to end", () => {
  const killed = () => Promise.reject(new Error("killed"));

  test("of one organization makes no second key when it is run again, and the old one goes", async () => {
    const story = await seed(server);
    await furnish(server, story, { keys: 1 });
    await expect(rotate(story.organizationId, killed)).rejects.toThrow("killed");
    const [, current] = await keysOf(story);
    expect(await rotate(story.organizationId)).toMatchObject({ made: 0, resealed: 0, destroyed: 1 });
    expect(await keysOf(story)).toEqual([current]);
    expect(await rotate(story.organizationId)).toMatchObject({ made: 1, resealed: 1, destroyed: 1 });
  });

  test("of all makes no second key when it is run again, and the old ones go", async () => {
    const story = await seed(server);
    await furnish(server, story, { keys: 1 });
    await expect(rotate(null, killed)).rejects.toThrow("killed");
    const [, current] = await keysOf(story);
    const again = await rotate(null);
    expect(again).toMatchObject({ made: 0, resealed: 0, destroyed: again.organizations });
    expect(again.begunAt).not.toBeNull();
    expect(await keysOf(story)).toEqual([current]);
    const next = await rotate(null);
    expect(next).toMatchObject({ made: next.organizations, destroyed: next.organizations, begunAt: null });
  });
});

describe("an old data key", () => {
  test("is waited for once more where the wait ends a little early", async () => {
    const story = await seed(server);
    await furnish(server, story, { keys: 1 });
    const early = (seconds: number) => delay(seconds * 1_000 - 20);
    const sources = { pool: owner, vault: newVault() };
    const done = await rotateDataKeys(sources, { organizationId: story.organizationId, graceSeconds: 1 }, early);
    expect(done).toMatchObject({ made: 1, destroyed: 1 });
  });

  test("is kept where a row that it had sealed is put back while it waits to be destroyed, until that is sealed anew", async () => {
    const story = await seed(server);
    const { keys } = await furnish(server, story, { keys: 2 });
    const { sealed, id } = await blobOf(keys[0] ?? "");
    const put = () =>
      query(server.database.ownerUrl, ["UPDATE credentials SET sealed_key = $2 WHERE id = $1", [id, sealed]]);
    expect(await rotate(story.organizationId, put)).toMatchObject({ made: 1, resealed: 2, destroyed: 0 });
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
    expect(await rotate(story.organizationId)).toMatchObject({ made: 0, resealed: 1, destroyed: 1 });
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
    expect(await keysOf(story)).toHaveLength(1);
  });
});

describe("two rotations at once, of which one has lost the lock", () => {
  test("destroy no key that seals something, though the second is killed when it has made its key", async () => {
    const story = await seed(server);
    await furnish(server, story, { keys: 2 });
    const { organizationId } = story;
    const [first] = await keysOf(story);
    const isMovedOver = async (): Promise<boolean> => {
      const left = "SELECT 1 FROM credentials WHERE root_id = $1 AND data_key_of(sealed_key) = $2";
      return (await query(server.database.ownerUrl, [left, [organizationId, first]])).length === 0;
    };
    let seconds = 0;
    const killed = newVault();
    killed.hold = () => Promise.reject(new Error("killed"));
    const vault = newVault();
    const hold = vault.hold.bind(vault);
    // When the first has sealed everything anew, and before it looks whether that is so, the second makes another key.
    vault.hold = async (...args) => {
      if (seconds === 0 && (await isMovedOver())) {
        seconds += 1;
        const second = rotateDataKeys({ pool: owner, vault: killed }, { organizationId: null, graceSeconds: 0 });
        await expect(second).rejects.toThrow("killed");
      }
      return hold(...args);
    };
    await rotateDataKeys({ pool: owner, vault }, { organizationId, graceSeconds: 0 }, () => Promise.resolve());
    expect(seconds).toBe(1);
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
    await rotate(null);
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
    expect(await keysOf(story)).toHaveLength(1);
  });
});

describe("a secret that does not open", () => {
  test("keeps the key that sealed it, and none of those that came and went after it", async () => {
    const story = await seed(server);
    const { keys } = await furnish(server, story, { keys: 2 });
    const [first] = await keysOf(story);
    const { sealed, id } = await blobOf(keys[0] ?? "");
    const put = (bytes: Buffer) =>
      query(server.database.ownerUrl, ["UPDATE credentials SET sealed_key = $2 WHERE id = $1", [id, bytes]]);
    const broken = Buffer.from(sealed);
    broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
    await put(broken);
    for (let n = 0; n < 3; n += 1) {
      expect(await rotate(null)).toMatchObject({ broken: [{ rowId: id }] });
      const [old, ...others] = await keysOf(story);
      expect([old, others.length]).toEqual([first, 1]);
    }
    await put(sealed);
    expect(await rotate(null)).toMatchObject({ broken: [] });
    expect(await keysOf(story)).toHaveLength(1);
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
  });

  test("keeps its organization's old key, is named, and stops no other; mended, the old key goes", async () => {
    const [story, other] = [await seed(server), await seed(server, "Other")];
    const { keys } = await furnish(server, story, { keys: 2 });
    await furnish(server, other, { keys: 1 });
    const { sealed, id } = await blobOf(keys[0] ?? "");
    const put = (bytes: Buffer) =>
      query(server.database.ownerUrl, ["UPDATE credentials SET sealed_key = $2 WHERE id = $1", [id, bytes]]);
    const broken = Buffer.from(sealed);
    broken.writeUInt8(broken.readUInt8(broken.length - 1) ^ 1, broken.length - 1);
    await put(broken);
    const seal = { table: "credentials", column: "sealed_key", rowId: id, rootId: story.organizationId };
    expect(await rotate(null)).toMatchObject({ broken: [seal] });
    expect([await keysOf(story), await keysOf(other)].map(({ length }) => length)).toEqual([2, 1]);
    await put(sealed);
    expect(await rotate(story.organizationId)).toMatchObject({ made: 0, resealed: 1, destroyed: 1, broken: [] });
    expect(await keysOf(story)).toHaveLength(1);
    expect((await openAll(server.database.ownerUrl, key)).wrong).toEqual([]);
  });
});
