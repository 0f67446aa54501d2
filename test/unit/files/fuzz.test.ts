import { generateKeyPairSync, sign, verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Refusal } from "../../../src/errors.js";
import { readCertificate } from "../../../src/files/certificate.js";
import { readProvisioningProfile } from "../../../src/files/mobileprovision.js";
import { readContainer } from "../../../src/files/pkcs12/container.js";
import { readPkcs12, writePkcs12 } from "../../../src/files/pkcs12.js";
import { readPlist } from "../../../src/files/plist.js";
import { readRsaPkcs8 } from "../../../src/files/rsa-key.js";
import { pkcs8Der, publicKeySha256 } from "../../../src/files/signing-key.js";
import { build } from "plist";
import { issueFor } from "./issuer.js";
import { certificateBag, keyBag, pfx, safe } from "./pkcs12-parts.js";
import { entriesOf, profileSigner } from "./signed-profile.js";

/** The same numbers each time: mulberry32. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Bytes with a few changes: bits flipped, a byte set, a part cut out or said twice, the end cut off. */
function* damaged(bytes: Buffer, count: number, seed: number): Generator<Buffer> {
  const next = random(seed);
  for (let round = 0; round < count; round += 1) {
    const copy = Buffer.from(bytes);
    const at = next(bytes.length);
    const length = 1 + next(20);
    const kind = next(6);
    if (kind === 0) yield copy.subarray(0, at);
    else if (kind === 1) yield Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
    else if (kind === 2) yield Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
    else {
      const changes = kind === 3 ? 1 + next(8) : 1;
      for (let change = 0; change < changes; change += 1) {
        const where = change === 0 ? at : next(bytes.length);
        copy.writeUInt8(kind === 4 ? next(256) : copy.readUInt8(where) ^ (1 << next(8)), where);
      }
      yield copy;
    }
  }
}

const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
let certificate: Buffer<ArrayBuffer>;
let profile: Buffer;
beforeAll(async () => {
  certificate = await issueFor(key, key);
  profile = await (await profileSigner(key, certificate)).sign(entriesOf({ DeveloperCertificates: [certificate] }));
});

// Libraries that write to the log write what they have read.
const said = (["error", "warn", "log"] as const).map((name) => jest.spyOn(console, name));
afterAll(() => {
  for (const spy of said) expect(spy).not.toHaveBeenCalled();
});

/** What came of reading: "read", or the code of the refusal. Anything else fails the test. */
async function outcomeOf(read: () => unknown): Promise<string> {
  try {
    await read();
    return "read";
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

async function outcomes(files: Iterable<Buffer>, read: (bytes: Buffer) => unknown): Promise<Set<string>> {
  const seen = new Set<string>();
  for (const file of files) seen.add(await outcomeOf(() => read(file)));
  return seen;
}

describe("a damaged file is read or refused, and nothing else happens", () => {
  test("of a certificate", async () => {
    const seen = await outcomes(damaged(certificate, 800, 1), (bytes) => readCertificate(bytes));
    expect(seen).toEqual(new Set(["read", "INVALID_CERTIFICATE"]));
  });

  test("of a certificate in base64", async () => {
    const text = Buffer.from(certificate.toString("base64"));
    const seen = await outcomes(damaged(text, 500, 2), (bytes) => readCertificate(bytes));
    expect(seen).toEqual(new Set(["read", "INVALID_CERTIFICATE"]));
  });

  test("of a profile", async () => {
    const seen = await outcomes(damaged(profile, 150, 3), (bytes) => readProvisioningProfile(bytes));
    expect(seen).toContain("INVALID_PROVISIONING_PROFILE");
  });

  test("of the content of a profile that was signed as it is", async () => {
    const signer = await profileSigner(key, certificate);
    const text = Buffer.from(build(entriesOf()));
    const seen = await outcomes(damaged(text, 50, 4), async (bytes) =>
      readProvisioningProfile(await signer.signText(bytes.toString("utf8"))),
    );
    expect(seen).toEqual(new Set(["read", "INVALID_PROVISIONING_PROFILE"]));
  });

  test("of a property list", () => {
    const bytes = Buffer.from(build(entriesOf({ DeveloperCertificates: [certificate] })));
    const read = [...damaged(bytes, 1_000, 5)].map((each) => readPlist(each) !== null);
    expect(new Set(read)).toEqual(new Set([true, false]));
  });

  test("of the structure of a .p12", async () => {
    const parts = { privateKey: key, certificate, password: "password", friendlyName: "Key" };
    for (const encoding of ["KEYCHAIN", "MODERN"] as const) {
      const bytes = await writePkcs12({ ...parts, encoding });
      const seen = await outcomes(damaged(bytes, 600, 6), readContainer);
      expect(seen).toEqual(new Set(["read", "INVALID_PKCS12"]));
    }
  });

  test("of a .p12, all the way", async () => {
    const parts = { privateKey: key, certificate, password: "password", friendlyName: "Key" };
    const ours = await writePkcs12({ ...parts, encoding: "KEYCHAIN" });
    const inTheClear = pfx([safe(keyBag(pkcs8Der(key)), certificateBag(certificate))]);
    const files = [...damaged(ours, 10, 7), ...damaged(inTheClear, 25, 8)];
    const seen = new Set(await Promise.all(files.map((bytes) => outcomeOf(() => readPkcs12(bytes, "password")))));
    expect(seen).toContain("INVALID_PKCS12");
    expect(seen).toContain("WRONG_PASSWORD");
  });
});

test("a damaged key is refused, or signs as its own public key says", () => {
  const message = Buffer.from("message");
  let read = 0;
  for (const bytes of damaged(pkcs8Der(key), 3_000, 9)) {
    const made = readRsaPkcs8(bytes);
    if (made === null) continue;
    read += 1;
    expect(publicKeySha256(made)).toBe(publicKeySha256(key));
    expect(verify("sha256", message, key, sign("sha256", message, made))).toBe(true);
  }
  // Changes of what says nothing, such as the version of the outer structure.
  expect(read).toBeGreaterThan(0);
});
