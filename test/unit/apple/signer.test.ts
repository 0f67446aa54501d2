import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { decodeProtectedHeader } from "jose";
import {
  authorize,
  createSigner,
  LEASE_MS,
  leasesEnded,
  TokenCache,
  type KeySource,
  type Right,
} from "../../../src/apple/signer.js";
import type { SigningKey } from "../../../src/apple/token.js";
import { Secret } from "../../../src/vault/secret.js";

const der = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "der" });

/** A key, and how often its private half was opened. */
function makeKey(credentialId: string, version = 1, keyId = "2X9R4HXF34"): SigningKey & { opened: number } {
  const key = {
    credentialId,
    version,
    program: "APP_STORE" as const,
    keyType: "TEAM" as const,
    keyId,
    issuerId: "issuer",
    opened: 0,
    privateKey: () => {
      key.opened += 1;
      return Promise.resolve(Secret.of(Buffer.from(der)));
    },
  };
  return key;
}

describe("the cache of tokens", () => {
  test("signs once for all who ask at the same time, and for all who ask later", async () => {
    const tokens = new TokenCache();
    const key = makeKey("cred_1");
    const asked = await Promise.all(Array.from({ length: 1_000 }, () => tokens.token(key)));
    expect(new Set(asked).size).toBe(1);
    expect(await tokens.token(key)).toBe(asked[0]);
    expect(tokens.signatures).toBe(1);
    expect(key.opened).toBe(1);
  });

  test("signs for each key by itself, also where two store the same .p8 under the same key id", async () => {
    const tokens = new TokenCache();
    const asked = await Promise.all([tokens.token(makeKey("cred_1")), tokens.token(makeKey("cred_2"))]);
    expect(new Set(asked).size).toBe(2);
    expect(tokens.signatures).toBe(2);
  });

  test("signs anew for another version of a key, and with that version's key id", async () => {
    const tokens = new TokenCache();
    await tokens.token(makeKey("cred_1", 1, "OLDKEYID00"));
    const rotated = await tokens.token(makeKey("cred_1", 2, "NEWKEYID00"));
    expect(decodeProtectedHeader(rotated).kid).toBe("NEWKEYID00");
    expect(tokens.signatures).toBe(2);
  });

  test("keeps no failure: whoever asks next signs again", async () => {
    const tokens = new TokenCache();
    const key = makeKey("cred_1");
    const broken = { ...key, privateKey: () => Promise.reject(new Error("sealed")) };
    const asked = await Promise.allSettled([tokens.token(broken), tokens.token(broken), tokens.token(broken)]);
    expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(tokens.signatures).toBe(1);
    await expect(tokens.token(key)).resolves.toMatch(/^ey/);
    expect(tokens.signatures).toBe(2);
  });

  test("renews a token that Apple refused once, for all who were refused with it", async () => {
    const tokens = new TokenCache();
    const key = makeKey("cred_1");
    const refused = await tokens.token(key);
    const renewed = await Promise.all(Array.from({ length: 100 }, () => tokens.token(key, refused)));
    expect(new Set(renewed).size).toBe(1);
    expect(renewed[0]).not.toBe(refused);
    expect(tokens.signatures).toBe(2);
    expect(await tokens.token(key, refused)).toBe(renewed[0]);
    expect(await tokens.token(key)).toBe(renewed[0]);
    expect(tokens.signatures).toBe(2);
  });

  test("renews through an authorization too", async () => {
    const tokens = new TokenCache();
    const { key, token } = authorize(makeKey("cred_1"), tokens);
    expect(key.credentialId).toBe("cred_1");
    expect(tokens.signatures).toBe(0);
    const first = await token();
    expect(await tokens.token(key)).toBe(first);
    expect(await token(first)).not.toBe(first);
  });
});

describe("the signer", () => {
  /** A signer over keys that may be used, with what its source was asked. */
  function makeSigner(usable: readonly SigningKey[], tokens = new TokenCache()) {
    const queries: string[][] = [];
    const confirmations: string[][] = [];
    const refused = new Set<string>();
    const life = { ms: Infinity };
    const source: KeySource<SigningKey> = {
      load: (ids) => {
        queries.push([...ids]);
        const keys = new Map<string, Right<SigningKey> | Error>();
        for (const id of ids) keys.set(id, new Error(`${id} may not be used`));
        for (const key of usable)
          if (ids.includes(key.credentialId)) keys.set(key.credentialId, { key, forMs: life.ms });
        return Promise.resolve(keys);
      },
      confirm: (keys) => {
        const ids = keys.map(({ credentialId }) => credentialId);
        confirmations.push(ids);
        return Promise.resolve(
          ids.map((id) => (refused.has(id) ? new Error(`${id} is not shared any more`) : life.ms)),
        );
      },
    };
    return { signer: createSigner(source, tokens), queries, tokens, confirmations, refused, life };
  }

  test("asks its source once for all keys of a tick, each once, and signs once a key", async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `cred_${index}`);
    const { signer, queries, tokens } = makeSigner(ids.map((id) => makeKey(id)));
    const authorizations = await Promise.all([...ids, ...ids].map((id) => signer.load(id)));
    expect(queries).toEqual([ids]);
    expect(tokens.signatures).toBe(0);
    await Promise.all(authorizations.map(({ token }) => token()));
    expect(tokens.signatures).toBe(50);
    expect(authorizations.map(({ key }) => key.credentialId)).toEqual([...ids, ...ids]);
  });

  test("asks its source anew for each use, and signs nothing anew", async () => {
    const { signer, queries, tokens } = makeSigner([makeKey("cred_1")]);
    await (await signer.load("cred_1")).token();
    await (await signer.load("cred_1")).token();
    expect(queries).toEqual([["cred_1"], ["cred_1"]]);
    expect(tokens.signatures).toBe(1);
  });

  test("refuses a key that may not be used, though its token is at hand, and leaves the others", async () => {
    const tokens = new TokenCache();
    await tokens.token(makeKey("cred_2"));
    const { signer } = makeSigner([makeKey("cred_1")], tokens);
    const [one, two] = await Promise.allSettled([signer.load("cred_1"), signer.load("cred_2")]);
    expect(one.status).toBe("fulfilled");
    expect(two).toMatchObject({ status: "rejected", reason: { message: "cred_2 may not be used" } });
  });

  test("fails a key that does not open, and leaves the others", async () => {
    const broken = { ...makeKey("cred_2"), privateKey: () => Promise.reject(new Error("sealed")) };
    const { signer } = makeSigner([makeKey("cred_1"), broken]);
    const signed = async (id: string): Promise<string> => (await signer.load(id)).token();
    const [one, two] = await Promise.allSettled([signed("cred_1"), signed("cred_2")]);
    expect(one.status).toBe("fulfilled");
    expect(two).toMatchObject({ status: "rejected", reason: { message: "sealed" } });
  });

  test("fails a key that its source forgets", async () => {
    const forgetful = { load: () => Promise.resolve(new Map()), confirm: () => Promise.resolve([]) };
    const signer = createSigner(forgetful, new TokenCache());
    await expect(signer.load("cred_1")).rejects.toThrow("left one out");
  });

  test("does not take for a right what its source forgets to confirm", async () => {
    const right = { key: makeKey("cred_1"), forMs: 0 };
    const load = () => Promise.resolve(new Map([["cred_1", right]]));
    const signer = createSigner({ load, confirm: () => Promise.resolve([]) }, new TokenCache());
    const { lease } = await signer.load("cred_1");
    await expect(lease?.renew()).rejects.toThrow("left one out");
    expect(lease?.isOver).toBe(true);
  });

  describe("gives a right that", () => {
    let nowMs = 1_000;
    const atEach = (): void => {
      jest.spyOn(performance, "now").mockImplementation(() => nowMs);
    };
    afterEach(() => {
      jest.restoreAllMocks();
    });

    test("is over after its lease, and lasts as long again once it is confirmed", async () => {
      atEach();
      const { signer, confirmations } = makeSigner([makeKey("cred_1")]);
      const { lease } = await signer.load("cred_1");
      nowMs += LEASE_MS - 1;
      expect(lease?.isOver).toBe(false);
      nowMs += 1;
      expect(lease?.isOver).toBe(true);
      expect(confirmations).toEqual([]);
      await lease?.renew();
      expect(lease?.isOver).toBe(false);
      nowMs += LEASE_MS;
      expect(lease?.isOver).toBe(true);
    });

    test("is over before, where what it is founded on ends sooner, and lasts as long as that once it is confirmed", async () => {
      atEach();
      const { signer, life } = makeSigner([makeKey("cred_1")]);
      life.ms = 20;
      const { lease } = await signer.load("cred_1");
      nowMs += 19;
      expect(lease?.isOver).toBe(false);
      nowMs += 1;
      expect(lease?.isOver).toBe(true);
      await lease?.renew();
      nowMs += 19;
      expect(lease?.isOver).toBe(false);
      nowMs += 1;
      expect(lease?.isOver).toBe(true);
      life.ms = LEASE_MS + 1;
      await lease?.renew();
      nowMs += LEASE_MS;
      expect(lease?.isOver).toBe(true);
    });

    test("counts from when the source was asked, or says that its answer holds, and not from the answer", async () => {
      atEach();
      const key = makeKey("cred_1");
      let tellsSince = false;
      const answer = <T>(value: T, asking: (sinceMs: number) => void): Promise<T> => {
        nowMs += 10;
        if (tellsSince) asking(nowMs);
        nowMs += LEASE_MS - 10;
        return Promise.resolve(value);
      };
      const source: KeySource<SigningKey> = {
        load: (_, asking) => answer(new Map([["cred_1", { key, forMs: Infinity }]]), asking),
        confirm: (_, asking) => answer([Infinity], asking),
      };
      const signer = createSigner(source, new TokenCache());
      const { lease } = await signer.load("cred_1");
      expect(lease?.isOver).toBe(true);
      await lease?.renew();
      expect(lease?.isOver).toBe(true);
      tellsSince = true;
      await lease?.renew();
      expect(lease?.isOver).toBe(false);
      nowMs += 10;
      expect(lease?.isOver).toBe(true);
      expect((await signer.load("cred_1")).lease?.isOver).toBe(false);
    });

    test("is confirmed for all that ask in a tick in one query, and refused to those alone that have lost it", async () => {
      const { signer, confirmations, refused } = makeSigner([makeKey("cred_1"), makeKey("cred_2")]);
      const [one, two] = await Promise.all([signer.load("cred_1"), signer.load("cred_2")]);
      refused.add("cred_2");
      const [first, second] = await Promise.allSettled([one.lease?.renew(), two.lease?.renew()]);
      expect(first.status).toBe("fulfilled");
      expect(second).toMatchObject({ status: "rejected", reason: { message: "cred_2 is not shared any more" } });
      expect(confirmations).toEqual([["cred_1", "cred_2"]]);
    });

    test("is confirmed together with all that the signer has given, also for those that do not ask now", async () => {
      atEach();
      const ids = Array.from({ length: 50 }, (_, index) => `cred_${index}`);
      const { signer, confirmations, refused } = makeSigner(ids.map((id) => makeKey(id)));
      const rights = [...(await Promise.all(ids.slice(0, 40).map((id) => signer.load(id))))];
      rights.push(...(await Promise.all(ids.slice(40).map((id) => signer.load(id)))));
      nowMs += LEASE_MS;
      refused.add("cred_7");
      await rights[0]?.lease?.renew();
      expect(confirmations).toEqual([ids]);
      const over = rights.filter(({ lease }) => lease?.isOver).map(({ key }) => key.credentialId);
      expect(over).toEqual(["cred_7"]);
      await expect(rights[7]?.lease?.renew()).rejects.toThrow("not shared any more");
    });

    test("is confirmed though it was given while others were", async () => {
      const tokens = new TokenCache();
      let goOn: () => void = () => undefined;
      const isHeld = new Promise<void>((resolve) => (goOn = resolve));
      const confirmations: string[][] = [];
      const source: KeySource<SigningKey> = {
        load: (asked) => Promise.resolve(new Map(asked.map((id) => [id, { key: makeKey(id), forMs: Infinity }]))),
        confirm: async (keys) => {
          confirmations.push(keys.map(({ credentialId }) => credentialId));
          await isHeld;
          return keys.map(() => Infinity);
        },
      };
      const signer = createSigner(source, tokens);
      const first = (await signer.load("cred_1")).lease?.renew();
      const second = (await signer.load("cred_2")).lease?.renew();
      goOn();
      await Promise.all([first, second]);
      expect(confirmations).toEqual([["cred_1"], ["cred_1", "cred_2"]]);
    });

    test("is over when whoever takes rights away has waited", async () => {
      const { signer } = makeSigner([makeKey("cred_1")]);
      const ended = leasesEnded();
      const { lease } = await signer.load("cred_1");
      expect(lease?.isOver).toBe(false);
      await ended;
      expect(lease?.isOver).toBe(true);
    });

    test("lasts for good where the key is about to be saved", () => {
      expect(authorize(makeKey("cred_1"), new TokenCache()).lease).toBeUndefined();
    });
  });
});
