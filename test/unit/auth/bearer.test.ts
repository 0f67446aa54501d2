import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { jwtVerifier, makeToken, readBearer } from "../../../src/auth/bearer.js";
import { Denial } from "../../../src/errors.js";
import { startIssuer, type Issuer } from "../../support/issuer.js";
import { NO_TIME_MS } from "../../support/no-time.js";

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

describe("a new token", () => {
  test("has 256 random bits behind its prefix, its hash, and the first characters to know it by", () => {
    const { token, hash, preview } = makeToken();
    expect(token).toMatch(/^cs_[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(token.slice(3), "base64url")).toHaveLength(32);
    expect(hash).toEqual(sha256(token));
    expect(preview).toBe(token.slice(0, 7));
  });

  test("is never the same", () => {
    expect(new Set(Array.from({ length: 100 }, () => makeToken().token)).size).toBe(100);
  });
});

describe("an Authorization header", () => {
  const token = `cs_${"a".repeat(43)}`;

  test("presents an access token by its hash", () => {
    expect(readBearer(`Bearer ${token}`)).toEqual({ kind: "token", hash: sha256(token).toString("hex") });
  });

  test("presents anything else as an identity token", () => {
    expect(readBearer("Bearer aa.bb.cc")).toEqual({ kind: "jwt", jwt: "aa.bb.cc" });
    expect(readBearer("Bearer CS_aa")).toEqual({ kind: "jwt", jwt: "CS_aa" });
  });

  test.each(["bearer", "BEARER", "Bearer  "])("names its scheme without case: %s", (scheme) => {
    expect(readBearer(`${scheme} ${token}`)?.kind).toBe("token");
  });

  test.each([
    undefined,
    "",
    "Bearer",
    "Bearer ",
    token,
    `Basic ${token}`,
    `Bearer${token}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token}\n`,
    `Bearer ${token}a`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer cs_${"!".repeat(43)}`,
    "Bearer ünï",
    `Bearer ${"a".repeat(8193)}`,
  ])("presents nothing where it is %j", (header) => {
    expect(readBearer(header)).toBeNull();
  });

  test("is read in no time, however it is made", () => {
    const began = performance.now();
    for (const header of [
      `Bearer ${"=".repeat(100_000)}`,
      `Bearer ${" ".repeat(100_000)}`,
      `Bearer ${"a".repeat(8192)}!`,
    ]) {
      expect(readBearer(header)).toBeNull();
    }
    expect(performance.now() - began).toBeLessThan(NO_TIME_MS);
  });
});

describe("a verifier", () => {
  let issuer: Issuer;
  beforeAll(async () => {
    issuer = await startIssuer();
  });
  afterAll(() => issuer.close());

  test("gives whom a token names, with the address in lower case", async () => {
    const jwt = await issuer.token("Jane@Acme.Example", { sub: "1", name: "Jane" });
    expect(await jwtVerifier(issuer)(jwt)).toEqual({
      issuer: issuer.issuer,
      subject: "1",
      email: "jane@acme.example",
      name: "Jane",
    });
    expect(await jwtVerifier(issuer)(await issuer.token("a@b.example"))).toMatchObject({ name: null });
  });

  test("denies a token that is no good, and keeps the reason to itself", async () => {
    const verify = jwtVerifier(issuer);
    const error = await verify(await issuer.forge({})).catch((thrown: unknown) => thrown);
    expect(error).toEqual(new Denial("UNAUTHENTICATED"));
    await expect(verify("no.token.atall")).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  test("asks the issuer for its keys once", async () => {
    const verify = jwtVerifier(issuer);
    await verify(await issuer.token("a@b.example"));
    await issuer.close();
    const again = issuer.token("c@d.example");
    issuer = await startIssuer();
    expect(await verify(await again)).toMatchObject({ email: "c@d.example" });
  });

  test("lets a fault of the issuer through, which is no fault of the token", async () => {
    const jwt = await issuer.token("a@b.example");
    const verify = jwtVerifier({ ...issuer, jwksUrl: "http://127.0.0.1:1/jwks.json" });
    const error = await verify(jwt).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "TypeError" });
    expect(error).not.toBeInstanceOf(Denial);
  });
});
