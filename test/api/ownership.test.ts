import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { DataSource } from "typeorm";
import { grantOfRoles, Viewer } from "../../src/auth/viewer.js";
import { createContext, type Context, type Platform } from "../../src/context.js";
import { makeDataSource } from "../../src/database/data-source.js";
import { makeReadPool } from "../../src/database/read-pool.js";
import { newId } from "../../src/ids.js";
import * as accessTokens from "../../src/services/access-token.js";
import * as credentials from "../../src/services/credential.js";
import * as members from "../../src/services/member.js";
import * as organizations from "../../src/services/organization.js";
import * as shares from "../../src/services/share.js";
import * as certificates from "../../src/services/signing/certificate/certificate-keeping.js";
import * as profiles from "../../src/services/signing/profile/profile-deletion.js";
import * as signingRequests from "../../src/services/signing/signing-request.js";
import * as subOrganizations from "../../src/services/sub-organization.js";
import { query } from "../support/database.js";
import { anySha1, keepIn, type Keep } from "../support/kept.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";
import { issueFor, newIdentity } from "../support/signing.js";

let server: TestServer;
let dataSource: DataSource;
let platform: Platform;
let acme: Story;
let keep: Keep;
let web: string;

beforeAll(async () => {
  server = await startTestServer();
  // On these connections row-level security binds nobody.
  dataSource = await makeDataSource(server.database.ownerUrl, 2).initialize();
  platform = { ...server.platform, dataSource, readPool: makeReadPool(server.database.ownerUrl, 2) };
  acme = await seed(server);
  keep = keepIn(server, acme.organizationId);
  web = await acme.subOrganization("Web");
});
afterAll(async () => {
  await platform.readPool.end();
  await dataSource.destroy();
  await server.close();
});

/** The context of an owner of a tenant. */
function ownerOf(tenantId: string, rootId = acme.organizationId): Context {
  const user = { id: newId("user"), email: "owner@acme.example", name: null };
  const viewer = new Viewer({ kind: "user", user }, [grantOfRoles(rootId, tenantId, ["OWNER"])]);
  return createContext(platform, viewer, { requestId: randomUUID(), ipAddress: null });
}

/** An owner of a tenant who reads whatever the root reads: what such a one may not change the clause of the write refuses. */
function seesAll(tenantId: string, rootId = acme.organizationId): Context {
  const { loaders } = ownerOf(acme.organizationId);
  return Object.assign(ownerOf(tenantId, rootId), { loaders, refresh: () => undefined });
}

/** All that is stored under an id. */
async function stored(id: string): Promise<string> {
  const tables = ["tenants", "members", "access_tokens", "credentials", "certificates", "provisioning_profiles"];
  const rows = await query<{ row: string }>(server.database.ownerUrl, [
    [...tables, "signing_requests"]
      .map((table) => `SELECT t::text AS row FROM ${table} t WHERE id = $1`)
      .join(" UNION ALL "),
    [id],
  ]);
  const shared = await query<{ row: string }>(server.database.ownerUrl, [
    `SELECT s::text AS row FROM shares s WHERE credential_id = $1 ORDER BY id`,
    [id],
  ]);
  return [...rows, ...shared].map(({ row }) => row).join("\n");
}

const root = (): string => acme.organizationId;
const key = (tenantId: string): Promise<string> => acme.credential(tenantId, { verify: false });
const sharedKey = async (): Promise<string> => {
  const id = await key(root());
  await acme.share(id, { subOrganizationIds: [web] });
  return id;
};
const newKey = async () => {
  const { keyId, issuerId, privateKey } = await server.sandbox.registerKey({ program: "app-store" });
  return { keyId, issuerId, privateKey, verify: false };
};
const idOf = async (table: string, column: string, value: string): Promise<string> => {
  const [row] = await query<{ id: string }>(server.database.ownerUrl, [
    `SELECT id FROM ${table} WHERE ${column} = $1 ORDER BY id DESC LIMIT 1`,
    [value],
  ]);
  return row?.id ?? "";
};
const member = async (tenantId: string): Promise<string> => {
  const email = `${randomUUID()}@acme.example`;
  await acme.member(tenantId, email, ["VIEWER"]);
  return idOf("members", "email", email);
};
const terms = { withAllSubOrganizations: true, subOrganizationIds: [], uses: ["VIEW"], bundleIdentifiers: [] } as const;

/** What changes something: the thing, which the root owns, or a sibling of Web, and the change. */
const CHANGES: readonly {
  readonly name: string;
  readonly make: () => Promise<string>;
  readonly act: (ctx: Context, id: string) => Promise<unknown>;
}[] = [
  {
    name: "renames an organization",
    make: () => Promise.resolve(root()),
    act: (ctx, organizationId) => organizations.rename(ctx, { organizationId, name: `Acme ${randomUUID()}` }),
  },
  {
    name: "renames a sub-organization",
    make: () => acme.subOrganization(randomUUID()),
    act: (ctx, subOrganizationId) => subOrganizations.rename(ctx, { subOrganizationId, name: randomUUID() }),
  },
  {
    name: "deletes a sub-organization",
    make: () => acme.subOrganization(randomUUID()),
    act: (ctx, subOrganizationId) => subOrganizations.remove(ctx, { subOrganizationId }),
  },
  {
    name: "gives a member roles",
    make: () => member(root()),
    act: (ctx, memberId) => members.update(ctx, { memberId, roles: ["MANAGER"] }),
  },
  { name: "removes a member", make: () => member(root()), act: (ctx, memberId) => members.remove(ctx, { memberId }) },
  {
    name: "revokes a token",
    make: async () => {
      await acme.token(root(), ["SIGNING_VIEW"]);
      return idOf("access_tokens", "tenant_id", root());
    },
    act: (ctx, accessTokenId) => accessTokens.revoke(ctx, { accessTokenId }),
  },
  {
    name: "renames a key",
    make: sharedKey,
    act: (ctx, credentialId) => credentials.rename(ctx, { credentialId, name: randomUUID() }),
  },
  {
    name: "rotates a key",
    make: sharedKey,
    act: async (ctx, credentialId) => credentials.rotate(ctx, { credentialId, ...(await newKey()) }),
  },
  { name: "verifies a key", make: sharedKey, act: (ctx, credentialId) => credentials.verify(ctx, { credentialId }) },
  {
    name: "deletes a key",
    make: sharedKey,
    act: (ctx, credentialId) => credentials.remove(ctx, { credentialId, force: true }),
  },
  {
    name: "shares a key",
    make: () => key(root()),
    act: (ctx, subjectId) => shares.share(ctx, { subjectId, ...terms }),
  },
  { name: "ends a share", make: sharedKey, act: (ctx, subjectId) => shares.unshare(ctx, { subjectId }) },
  {
    name: "deletes a certificate",
    make: () => keep.certificate(root()),
    act: (ctx, certificateId) => certificates.remove(ctx, { certificateId, force: true }),
  },
  {
    name: "deletes a profile",
    make: () => keep.profile(root()),
    act: async (ctx, id) => {
      const input = { provisioningProfileIds: [id], alsoAtApple: false, force: true };
      const { refusals } = await profiles.remove(ctx, input);
      if (refusals[0] !== undefined) throw refusals[0];
    },
  },
  {
    name: "completes a signing request",
    make: () =>
      signingRequests.create(ownerOf(root()), {
        tenantId: root(),
        commonName: "CI",
        email: "ci@acme.example",
        country: "DE",
      }),
    act: async (ctx, signingRequestId) => {
      const [row] = await query<{ csr: string }>(server.database.ownerUrl, [
        "SELECT csr_pem AS csr FROM signing_requests WHERE id = $1",
        [signingRequestId],
      ]);
      const certificate = (await issueFor(row?.csr ?? "")).toString("base64");
      return signingRequests.complete(ctx, { signingRequestId, certificate });
    },
  },
];

describe("by the clause of the write alone, behind the rules and on connections that see all", () => {
  test.each(CHANGES)(
    "nobody who stands below $name of the root; whoever stands in the root does",
    async ({ make, act }) => {
      const id = await make();
      const before = await stored(id);
      expect(before).not.toBe("");
      await expect(act(seesAll(web), id)).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(await stored(id)).toBe(before);
      await act(ownerOf(root()), id);
      expect(await stored(id)).not.toBe(before);
    },
  );

  test.each(CHANGES)("nobody of another organization $name", async ({ make, act }) => {
    const globex = await seed(server, "Globex");
    const id = await make();
    const before = await stored(id);
    const stranger = seesAll(globex.organizationId, globex.organizationId);
    await expect(act(stranger, id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await stored(id)).toBe(before);
  });

  test("only what the root itself owns is shared", async () => {
    const below = await key(web);
    await expect(shares.share(ownerOf(root()), { subjectId: below, ...terms })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    const above = await key(root());
    const share = await shares.share(ownerOf(root()), { subjectId: above, ...terms });
    expect(await idOf("shares", "credential_id", above)).toBe(share);
  });

  test("whoever may not delete a certificate is not told which profiles hold it", async () => {
    const sha1 = anySha1();
    const certificateId = await keep.certificate(root(), { sha1 });
    await keep.profile(root(), { name: "Of the root alone", certificateSha1s: [sha1] });
    const input = { certificateId, force: false };
    await expect(certificates.remove(seesAll(web), input)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(certificates.remove(ownerOf(root()), input)).rejects.toMatchObject({ code: "IN_USE" });
  });

  test("whoever may not complete a signing request is not told for which key it is", async () => {
    const signingRequestId = await keep.signingRequest(root());
    const { certificate } = await newIdentity();
    const input = { signingRequestId, certificate: certificate.toString("base64") };
    await expect(signingRequests.complete(seesAll(web), input)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(signingRequests.complete(ownerOf(root()), input)).rejects.toMatchObject({ code: "KEY_MISMATCH" });
  });

  test("a profile that may not be deleted leaves those that may", async () => {
    const [own, above] = [await keep.profile(web), await keep.profile(root())];
    const input = { provisioningProfileIds: [above, own], alsoAtApple: false, force: true };
    const { deletedIds, refusals } = await profiles.remove(seesAll(web), input);
    expect(deletedIds).toEqual([own]);
    expect(refusals).toMatchObject([{ code: "NOT_FOUND", field: ["provisioningProfileIds", "0"] }]);
    expect([await stored(own), await stored(above)]).toEqual(["", expect.stringContaining(above)]);
  });

  test("a share of another organization that is with nobody stays when a sub-organization is deleted here", async () => {
    const globex = await seed(server, "Globex");
    const credentialId = await globex.credential(globex.organizationId, { verify: false });
    const theirs = await globex.subOrganization("Theirs");
    const share = await globex.share(credentialId, { subOrganizationIds: [theirs] });
    await query(server.database.ownerUrl, ["DELETE FROM share_targets WHERE share_id = $1", [share]]);
    const mine = await key(root());
    const subOrganizationId = await acme.subOrganization(randomUUID());
    await acme.share(mine, { subOrganizationIds: [subOrganizationId] });
    await subOrganizations.remove(ownerOf(root()), { subOrganizationId });
    expect(await idOf("shares", "credential_id", credentialId)).toBe(share);
    expect(await idOf("shares", "credential_id", mine)).toBe("");
  });
});
