import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { awsKeyProvider } from "../../src/vault/aws-key.js";
import { KeyRefused, KeyServiceFailed, UnwrapFailed, type KeyProvider } from "../../src/vault/key-provider.js";
import { Secret } from "../../src/vault/secret.js";
import { WrongKey } from "../../src/vault/sentinel.js";
import { query } from "../support/database.js";
import { startKms, type Kms, type KmsFailure } from "../support/kms.js";
import { mutate } from "../support/mutation.js";
import { startReplica } from "../support/replica.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { furnish, keyOf, openAll, operate } from "../support/vault.js";

const AWS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: randomBytes(20).toString("hex") };

let kms: Kms;
let arn: string;

beforeAll(async () => {
  kms = await startKms();
  arn = kms.makeKey();
  Object.assign(process.env, AWS); // Where the SDK looks.
});
afterEach(() => {
  kms.fail(null);
});
afterAll(() => kms.close());

const context = { dataKeyId: "key_1", rootId: "org_1" };
const dataKey = Secret.of(randomBytes(32));
const textOf = (secret: Secret) => secret.use((bytes) => bytes.toString("hex"));

describe("a key of AWS KMS", () => {
  let provider: KeyProvider;
  beforeAll(async () => {
    provider = await awsKeyProvider(arn, kms.url);
  });

  test("is named by its ARN, and wraps for one data key and organization, which KMS is told", async () => {
    expect(provider.label).toBe(arn);
    const wrapped = await provider.wrap(dataKey, context);
    expect(wrapped.includes(dataKey.use((bytes) => Buffer.from(bytes)))).toBe(false);
    expect(textOf(await provider.unwrap(wrapped, context))).toBe(textOf(dataKey));
    const calls = kms.calls.slice(-2);
    expect(calls).toEqual([
      { action: "TrentService.Encrypt", keyId: arn, context },
      { action: "TrentService.Decrypt", keyId: arn, context },
    ]);
  });

  test.each([
    ["for another data key", { ...context, dataKeyId: "key_2" }],
    ["for another organization", { ...context, rootId: "org_2" }],
  ])("does not unwrap %s", async (_, other) => {
    const wrapped = await provider.wrap(dataKey, context);
    await expect(provider.unwrap(wrapped, other)).rejects.toThrow(UnwrapFailed);
  });

  test("does not unwrap what another key wrapped, what was changed, or what is no ciphertext", async () => {
    const other = await awsKeyProvider(kms.makeKey(), kms.url);
    await expect(provider.unwrap(await other.wrap(dataKey, context), context)).rejects.toThrow(UnwrapFailed);
    const changed = await provider.wrap(dataKey, context);
    changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1);
    await expect(provider.unwrap(changed, context)).rejects.toThrow(UnwrapFailed);
    await expect(provider.unwrap(Buffer.from("junk"), context)).rejects.toThrow(UnwrapFailed);
  });

  test.each<KmsFailure>(["ThrottlingException", "AccessDeniedException", "KMSInternalException"])(
    "that answers %s has failed, and is not wrong",
    async (how) => {
      const wrapped = await provider.wrap(dataKey, context);
      kms.fail(how);
      await expect(provider.unwrap(wrapped, context)).rejects.toThrow(KeyServiceFailed);
      await expect(provider.unwrap(wrapped, context)).rejects.toThrow(how);
      await expect(provider.wrap(dataKey, context)).rejects.toThrow(KeyServiceFailed);
      kms.fail(null);
      expect(textOf(await provider.unwrap(wrapped, context))).toBe(textOf(dataKey));
    },
  );

  test("that is disabled, hangs, or is not reached has failed in time", async () => {
    const own = kms.makeKey();
    const disabled = await awsKeyProvider(own, kms.url);
    kms.disable(own);
    await expect(disabled.wrap(dataKey, context)).rejects.toThrow("DisabledException");
    kms.enable(own);
    await expect(disabled.wrap(dataKey, context)).resolves.toBeInstanceOf(Buffer);
    kms.fail("HANG");
    await expect(provider.wrap(dataKey, context)).rejects.toThrow("no answer in time");
    const nowhere = await awsKeyProvider(arn, "http://127.0.0.1:1");
    await expect(nowhere.wrap(dataKey, context)).rejects.toThrow(KeyServiceFailed);
  });

  test.each(["alias/countersign", "arn:aws:kms:eu-central-1:111122223333:alias/countersign", "key/1234"])(
    "is not named by %s",
    async (name) => {
      await expect(awsKeyProvider(name, kms.url)).rejects.toThrow(KeyRefused);
    },
  );
});

describe("a server whose key-encryption key is in AWS KMS", () => {
  const local = randomBytes(32).toString("base64");
  const inKms = () => ({ COUNTERSIGN_KEY: "", COUNTERSIGN_KMS_KEY_ID: arn, COUNTERSIGN_KMS_ENDPOINT: kms.url });
  let server: TestServer;
  let acme: Story;
  beforeAll(async () => {
    server = await startTestServer(inKms());
    acme = await seed(server);
  });
  afterAll(() => server.close());

  const verify = (at: Pick<TestServer, "ask">, story: Story, credentialId = "") =>
    mutate<{ credential: object | null }>(at, story.owner, "verifyCredential", "credential { id }", { credentialId });

  test("asks it once for each organization, and holds no transaction meanwhile", async () => {
    const before = kms.calls.length;
    const { keys } = await furnish(server, acme, { keys: 3, requests: 1 });
    for (const id of keys) expect((await verify(server, acme, id)).payload?.credential).toEqual({ id });
    const actions = kms.calls.slice(before).map(({ action }) => action);
    expect(actions).toEqual(["TrentService.Encrypt", "TrentService.Decrypt"]);
  });

  test("answers with a code while it is away, keeps what it has opened, and works again once it is back", async () => {
    const { keys } = await furnish(server, acme, { keys: 1 });
    const globex = await seed(server, "Globex");
    const fresh = await startReplica(server);
    try {
      kms.fail("ThrottlingException");
      expect((await verify(fresh, acme, keys[0])).denied).toBe("INTERNAL");
      const failed = await mutate(server, globex.owner, "createSigningRequest", "signingRequest { id }", {
        ...{ tenantId: globex.organizationId, commonName: "Web", email: "ci@acme.example", country: "DE" },
      });
      expect([failed.denied, failed.text.includes(arn)]).toEqual(["INTERNAL", false]);
      expect((await verify(server, acme, keys[0])).payload?.credential).toEqual({ id: keys[0] });
      kms.fail(null);
      expect((await verify(fresh, acme, keys[0])).payload?.credential).toEqual({ id: keys[0] });
    } finally {
      await fresh.close();
    }
  });

  test("does not start while it does not answer, nor with another key", async () => {
    const environment = { ...server.environment };
    kms.fail("AccessDeniedException");
    await expect(startReplica({ ...server, environment })).rejects.toThrow(`${arn}: AccessDeniedException`);
    kms.fail(null);
    const other = { ...environment, COUNTERSIGN_KMS_KEY_ID: kms.makeKey() };
    await expect(startReplica({ ...server, environment: other })).rejects.toThrow(WrongKey);
    await expect(startReplica({ ...server, environment: other })).rejects.toThrow(`start with ${arn}`);
    await (await startReplica({ ...server, environment })).close();
  });

  test("came there from a key in the environment, and goes back, by the same command", async () => {
    const own = await startTestServer({ COUNTERSIGN_KEY: local });
    try {
      const story = await seed(own);
      await furnish(own, story, { keys: 2, requests: 1 });
      const { ownerUrl } = own.database;
      const to = await operate(own, ["vault", "rotate"], { ...AWS, ...inKms(), COUNTERSIGN_FORMER_KEYS: local });
      expect(to.status).toBe(0);
      expect(to.stdout).toContain(`No longer needed, once every process has ${arn}: ${keyOf(local).label}.`);
      expect(await query(ownerUrl, "SELECT DISTINCT key_label AS label FROM data_keys")).toEqual([{ label: arn }]);
      const opened = await openAll(ownerUrl, await awsKeyProvider(arn, kms.url));
      expect([opened.right.length, opened.wrong]).toEqual([3, []]);
      const back = { ...AWS, COUNTERSIGN_FORMER_KEYS: arn, COUNTERSIGN_KMS_ENDPOINT: kms.url };
      expect((await operate(own, ["vault", "rotate"], back)).status).toBe(0);
      expect((await openAll(ownerUrl, keyOf(local))).wrong).toEqual([]);
    } finally {
      await own.close();
    }
  }, 60_000);
});
