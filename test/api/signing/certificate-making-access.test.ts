import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId } from "../../../src/ids.js";
import { mutate } from "../../support/mutation.js";
import type { Permission } from "../../support/operations.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import type { HeldKey } from "../apple/held-key.js";
import { Maker, type CertificateNode } from "./maker.js";

const OPERATE: Permission[] = ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_MANAGE"];

let server: TestServer;
let acme: Story;
let make: Maker;
let web: string;
/** Operates in Web alone. */
let inWeb: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  make = new Maker(server, acme);
  web = await acme.subOrganization("Web");
  inWeb = await acme.token(web, OPERATE);
});
afterAll(() => server.close());

/** What a certificate for a tenant comes to: `MADE`, or why it is not. */
async function outcome(key: Pick<HeldKey, "id">, tenantId: string, token: string, type = "DEVELOPMENT") {
  const { payload, refused, denied } = await mutate<{ certificate: CertificateNode | null }>(
    ...([server, token, "createCertificate", "certificate { id }"] as const),
    { tenantId, credentialId: key.id, type },
  );
  return denied ?? refused?.code ?? (payload?.certificate == null ? "NOTHING" : "MADE");
}

describe("a certificate is made with", () => {
  test("a key of a team, and not with one person's own key, of which Apple is not asked", async () => {
    const [ofTeam, ofPerson] = [await make.key(), await make.key({ keyType: "individual" })];
    expect(await outcome(ofPerson, acme.organizationId, acme.owner)).toBe("INDIVIDUAL_KEY_CANNOT_SIGN");
    expect(server.sandbox.journal.filter(({ keyId }) => keyId === ofPerson.keyId)).toEqual([]);
    expect(await outcome(ofTeam, acme.organizationId, acme.owner)).toBe("MADE");
  });

  test("a key whose role at Apple allows it: a developer's makes some for development alone", async () => {
    const key = await make.key({ role: "DEVELOPER" });
    expect(await outcome(key, acme.organizationId, acme.owner, "DISTRIBUTION")).toBe("APPLE_FORBIDDEN");
    expect(key.team.certificates).toEqual([]);
    expect(await outcome(key, acme.organizationId, acme.owner, "DEVELOPMENT")).toBe("MADE");
  });

  test("a key of the Enterprise Program, of the types that this has", async () => {
    const key = await make.key({ program: "enterprise" });
    expect(await outcome(key, acme.organizationId, acme.owner, "IOS_DISTRIBUTION")).toBe("MADE");
  });

  test("a key that Apple still knows, and not with one that was revoked there", async () => {
    const [good, revoked] = [await make.key(), await make.key()];
    server.sandbox.revokeKey(revoked.keyId);
    expect(await outcome(revoked, acme.organizationId, acme.owner)).toBe("APPLE_KEY_REJECTED");
    expect(await outcome(good, acme.organizationId, acme.owner)).toBe("MADE");
  });
});

describe("below the root", () => {
  test("a shared key makes what is the sub-organization's own, and the root sees it", async () => {
    const key = await make.key();
    await acme.share(key.id, { subOrganizationIds: [web], uses: ["SIGN"] });
    const { id, owner } = await make.certificate(key, { tenantId: web, token: inWeb });
    expect(owner).toEqual({ id: web });
    expect(await make.certificateNow(id)).toMatchObject({ id, owner: { id: web }, hasPrivateKey: true });
    const inIos = await acme.token(await acme.subOrganization("iOS"), OPERATE);
    expect(await make.certificateNow(id, inIos)).toBeNull();
  });

  test.each([
    [["SIGN"], "MADE"],
    [["VIEW", "SIGN", "PUBLISH"], "MADE"],
    [["VIEW"], "FORBIDDEN"],
    [["PUBLISH"], "FORBIDDEN"],
  ] as const)("a key that is shared to %j: %s", async (uses, expected) => {
    const key = await make.key();
    await acme.share(key.id, { subOrganizationIds: [web], uses: [...uses] });
    expect(await outcome(key, web, inWeb)).toBe(expected);
    expect(key.team.certificates).toHaveLength(expected === "MADE" ? 1 : 0);
  });

  test("a key makes nothing any more from the moment that it is no longer shared", async () => {
    const key = await make.key();
    await acme.share(key.id, { subOrganizationIds: [web] });
    expect(await outcome(key, web, inWeb)).toBe("MADE");
    await mutate(server, acme.owner, "unshare", "deletedId", { subjectId: key.id });
    expect(await outcome(key, web, inWeb)).toBe("NOT_FOUND");
    expect(key.team.certificates).toHaveLength(1);
  });

  test("the root's key that is not shared makes nothing there, not even for an owner of the root", async () => {
    const key = await make.key();
    expect(await outcome(key, web, acme.owner)).toBe("FORBIDDEN");
    expect(await outcome(key, web, inWeb)).toBe("NOT_FOUND");
    expect(await outcome(key, acme.organizationId, acme.owner)).toBe("MADE");
  });
});

describe("whoever makes a certificate", () => {
  test("holds SIGNING_MANAGE there", async () => {
    const key = await make.key();
    const looks = await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_REVOKE"]);
    const makes = await acme.token(acme.organizationId, ["SIGNING_MANAGE"]);
    expect(await outcome(key, acme.organizationId, looks)).toBe("FORBIDDEN");
    expect(await outcome(key, acme.organizationId, makes)).toBe("MADE");
    expect(key.team.certificates).toHaveLength(1);
  });

  test("finds a key and a tenant of another organization no more than those that are not there", async () => {
    const globex = await seed(server, "Globex");
    const theirs = await make.key();
    for (const key of [theirs, { id: newId("credential") }]) {
      expect(await outcome(key, globex.organizationId, globex.owner)).toBe("NOT_FOUND");
    }
    const own = { id: await globex.credential(globex.organizationId, { verify: false }) };
    for (const tenantId of [acme.organizationId, newId("organization")]) {
      expect(await outcome(own, tenantId, globex.owner)).toBe("NOT_FOUND");
    }
    expect(await outcome(own, globex.organizationId, globex.owner)).toBe("MADE");
  });
});
