import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { signToken, TOKEN_LIFETIME_SECONDS, type SigningKey } from "../../../src/apple/token.js";
import { Secret } from "../../../src/vault/secret.js";

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const NOW = new Date("2026-03-04T05:06:07.890Z");

/** A key of a team, with what is otherwise about it. */
function keyWith(other: Partial<SigningKey> = {}): SigningKey {
  return {
    credentialId: "cred_1",
    version: 1,
    program: "APP_STORE",
    keyType: "TEAM",
    keyId: "2X9R4HXF34",
    issuerId: "57246542-96fe-1a63-e053-0824d011072a",
    privateKey: () => Promise.resolve(Secret.of(pair.privateKey.export({ type: "pkcs8", format: "der" }))),
    ...other,
  };
}

/** Header and claims of a token, once its signature has been checked. */
async function read(jwt: string) {
  const { payload } = await jwtVerify(jwt, pair.publicKey, { algorithms: ["ES256"], currentDate: NOW });
  return { header: decodeProtectedHeader(jwt), claims: payload };
}

describe("a token", () => {
  test("of a team's key has its issuer, and nothing that Apple does not ask for", async () => {
    const { jwt } = await signToken(keyWith(), NOW);
    const { header, claims } = await read(jwt);
    expect(header).toEqual({ alg: "ES256", kid: "2X9R4HXF34", typ: "JWT" });
    expect(claims).toEqual({
      iss: "57246542-96fe-1a63-e053-0824d011072a",
      aud: "appstoreconnect-v1",
      iat: Math.floor(NOW.getTime() / 1000) - 60,
      exp: Math.floor(NOW.getTime() / 1000) - 60 + TOKEN_LIFETIME_SECONDS,
    });
  });

  test("of an individual key has the subject user, and no issuer", async () => {
    const { jwt } = await signToken(keyWith({ keyType: "INDIVIDUAL", issuerId: null }), NOW);
    const { claims } = await read(jwt);
    expect(claims).toMatchObject({ sub: "user", aud: "appstoreconnect-v1" });
    expect(claims).not.toHaveProperty("iss");
  });

  test("of a key of the Enterprise Program has that program's audience", async () => {
    const { jwt } = await signToken(keyWith({ program: "ENTERPRISE" }), NOW);
    expect((await read(jwt)).claims.aud).toBe("apple-developer-enterprise-v1");
  });

  test("lives for 20 minutes at most, counted from an issue that lies a minute back", async () => {
    const { jwt, expiresAt } = await signToken(keyWith(), NOW);
    const { iat = 0, exp = 0 } = (await read(jwt)).claims;
    expect(exp - iat).toBeLessThanOrEqual(20 * 60);
    expect(exp - iat).toBeGreaterThan(15 * 60);
    expect(Math.round(NOW.getTime() / 1000 - iat)).toBe(60 + 1);
    expect(expiresAt).toEqual(new Date(exp * 1000));
    expect(expiresAt.getTime()).toBeGreaterThan(NOW.getTime());
  });

  test("is issued now where nobody says when", async () => {
    const before = Date.now();
    const { expiresAt } = await signToken(keyWith());
    const lifetimeMs = (TOKEN_LIFETIME_SECONDS - 60) * 1000;
    expect(expiresAt.getTime() - lifetimeMs).toBeGreaterThanOrEqual(before - 1_000);
    expect(expiresAt.getTime() - lifetimeMs).toBeLessThanOrEqual(Date.now());
  });

  test("is not signed where the private key does not open, or is none", async () => {
    const broken = keyWith({ privateKey: () => Promise.reject(new Error("sealed")) });
    await expect(signToken(broken, NOW)).rejects.toThrow("sealed");
    const none = keyWith({ privateKey: () => Promise.resolve(Secret.of(Buffer.from("none"))) });
    await expect(signToken(none, NOW)).rejects.toThrow();
  });
});
