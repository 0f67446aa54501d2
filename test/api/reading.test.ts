import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Pool } from "pg";
import { grantOfRoles, Viewer } from "../../src/auth/viewer.js";
import { createContext, type Context } from "../../src/context.js";
import { makeReadPool } from "../../src/database/read-pool.js";
import { ReadSession } from "../../src/database/tenancy.js";
import { newId } from "../../src/ids.js";
import type { ListKey } from "../../src/loaders/batch.js";
import { signableCertificates, signableProfiles } from "../../src/services/signing/kit/kept.js";
import { query } from "../support/database.js";
import { inDays, keepIn, type Keep } from "../support/kept.js";
import type { ShareInput } from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { startTestServer, type TestServer } from "../support/server.js";

/** Of each kind of what can be shared: what Web has, and what it has not, by why. */
interface Things {
  /** Web's own, and the root's for Web to see, and to sign with. */
  readonly own: string;
  readonly toSee: string;
  readonly toSign: string;
  readonly ofTheRoot: string;
  readonly forMobile: string;
  readonly over: string;
  readonly ofMobile: string;
  readonly ofGlobex: string;
}

let server: TestServer;
let pool: Pool;
let acme: Story;
let globex: Story;
let [web, mobile] = ["", ""];
let keys: Things;
let certificates: Things;
let profiles: Things;

/** An owner of a tenant; on these connections row-level security binds nobody, and no rule is asked. */
function ownerOf(tenantId: string, rootId = acme.organizationId): Context {
  const user = { id: newId("user"), email: "owner@acme.example", name: null };
  const viewer = new Viewer({ kind: "user", user }, [grantOfRoles(rootId, tenantId, ["OWNER"])]);
  return createContext({ ...server.platform, readPool: pool }, viewer, { requestId: randomUUID(), ipAddress: null });
}

/** Makes one of each, of a kind, with `make`. */
async function thingsOf(make: (tenantId: string, story: Story) => Promise<string>): Promise<Things> {
  const ofRoot = async (terms: Omit<ShareInput, "subjectId"> | null): Promise<string> => {
    const id = await make(acme.organizationId, acme);
    if (terms !== null) await acme.share(id, terms);
    return id;
  };
  const forWeb = { subOrganizationIds: [web] };
  const over = await ofRoot(forWeb);
  await query(server.database.ownerUrl, [
    "UPDATE shares SET expires_at = now() WHERE $1 IN (credential_id, certificate_id, provisioning_profile_id)",
    [over],
  ]);
  return {
    own: await make(web, acme),
    toSee: await ofRoot({ ...forWeb, uses: ["VIEW"] }),
    toSign: await ofRoot({ ...forWeb, uses: ["SIGN"] }),
    ofTheRoot: await ofRoot(null),
    forMobile: await ofRoot({ subOrganizationIds: [mobile] }),
    over,
    ofMobile: await make(mobile, acme),
    ofGlobex: await make(globex.organizationId, globex),
  };
}

const keeps = new Map<Story, Keep>();
const keepOf = (story: Story): Keep => {
  const keep = keeps.get(story) ?? keepIn(server, story.organizationId);
  keeps.set(story, keep);
  return keep;
};

/** What Apple said of a key, as it is kept. */
const SAID = [
  [
    "apple_certificates",
    "apple_id, position, name, type, apple_type, serial_number",
    "'A', 0, 'Seen', 'OTHER', 'X', '1'",
  ],
  ["apple_bundle_ids", "apple_id, position, identifier, name, platform", "'B', 0, 'com.acme.app', 'Seen', 'IOS'"],
  ["apple_snapshots", "list, as_of", "'CERTIFICATES', now()"],
  ["apple_budgets", "limit_per_hour, remaining, as_of", "3600, 3000, now()"],
  ["drift_events", "id, kind, apple_id, label", "'drift_' || id, 'CERTIFICATE_ADDED', 'A', 'Seen'"],
].map(
  ([table, columns, values]) => `INSERT INTO ${table} (root_id, owner_id, credential_id, ${columns})
    SELECT root_id, owner_id, id, ${values} FROM credentials WHERE id = $1`,
);

beforeAll(async () => {
  server = await startTestServer();
  pool = makeReadPool(server.database.ownerUrl, 2);
  [acme, globex] = [await seed(server), await seed(server, "Globex")];
  [web, mobile] = [await acme.subOrganization("Web"), await acme.subOrganization("Mobile")];
  keys = await thingsOf((tenantId, story) => story.credential(tenantId, { verify: false }));
  certificates = await thingsOf((tenantId, story) => keepOf(story).certificate(tenantId));
  profiles = await thingsOf((tenantId, story) => keepOf(story).profile(tenantId));
  for (const id of Object.values(keys)) {
    await query(server.database.ownerUrl, ...SAID.map((statement): [string, unknown[]] => [statement, [id]]));
  }
});
afterAll(async () => {
  await pool.end();
  await server.close();
});

type Load<Row> = (key: string) => Promise<Row | null>;
const page = <Filter>(key: string, filter: Filter): ListKey<Filter> => ({ key, first: 50, after: null, filter });
const any = { search: null, program: null, shared: null, status: null };
const anyCertificate = { search: null, type: null, state: null, expiresBefore: null };
const anyProfile = { ...anyCertificate, bundleIdentifier: null };

/** The names of those of the things that `load` finds. */
async function foundOf(things: Things, load: Load<unknown>): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(things).map(async ([name, id]: [string, string]) => ((await load(id)) === null ? [] : [name])),
  );
  return found.flat();
}

const SEEN = ["own", "toSee", "toSign"];

describe("by their ids a sub-organization finds its own, and what is shared with it:", () => {
  test("keys", async () => {
    expect(await foundOf(keys, (id) => ownerOf(web).loaders.credential.load(id))).toEqual(SEEN);
    const all = await foundOf(keys, (id) => ownerOf(acme.organizationId).loaders.credential.load(id));
    expect(all).toEqual(Object.keys(keys).filter((name) => name !== "ofGlobex"));
  });

  test("certificates and profiles, which are viewed where the share is for that", async () => {
    const { loaders } = ownerOf(web);
    expect(await foundOf(certificates, (id) => loaders.certificate.load(id))).toEqual(SEEN);
    expect(await foundOf(profiles, (id) => loaders.provisioningProfile.load(id))).toEqual(SEEN);
    const viewable = async (id: string): Promise<unknown> =>
      (await loaders.certificate.load(id))?.viewable ? id : null;
    expect(await foundOf(certificates, viewable)).toEqual(["own", "toSee"]);
  });

  test("files, where the share is to sign", async () => {
    const { loaders } = ownerOf(web);
    expect(await foundOf(certificates, (id) => loaders.downloadableCertificate.load(id))).toEqual(["own", "toSign"]);
    expect(await foundOf(profiles, (id) => loaders.downloadableProfile.load(id))).toEqual(["own", "toSign"]);
  });

  test("what is its own alone", async () => {
    const { loaders } = ownerOf(web);
    const requests = await thingsOfTenants((tenantId, story) => keepOf(story).signingRequest(tenantId));
    expect(await foundOf(requests, (id) => loaders.signingRequest.load(id))).toEqual(["own"]);
    const tenants: Record<string, string> = {
      own: web,
      ofTheRoot: acme.organizationId,
      ofMobile: mobile,
      ofGlobex: globex.organizationId,
    };
    // The organization that it belongs to is known to it.
    expect(await foundOf(tenants as never, (id) => loaders.tenant.load(id))).toEqual(["own", "ofTheRoot"]);
  });

  test("shares, of which the root alone learns", async () => {
    const { loaders } = ownerOf(web);
    expect(await foundOf(keys, (id) => loaders.shareBySubject.load(id))).toEqual([]);
    const atRoot = ownerOf(acme.organizationId).loaders;
    expect(await foundOf(keys, (id) => atRoot.shareBySubject.load(id))).toEqual([
      "toSee",
      "toSign",
      "forMobile",
      "over",
    ]);
  });
});

/** One of each, for what is not shared. */
async function thingsOfTenants(make: (tenantId: string, story: Story) => Promise<string>): Promise<Things> {
  const tenants: [string, string, Story][] = [
    ["own", web, acme],
    ["ofTheRoot", acme.organizationId, acme],
    ["ofMobile", mobile, acme],
    ["ofGlobex", globex.organizationId, globex],
  ];
  const made = await Promise.all(tenants.map(async ([name, id, story]) => [name, await make(id, story)] as const));
  return Object.fromEntries(made) as unknown as Things;
}

describe("the list of another tenant is empty, and its own holds what it may see:", () => {
  const lists: [
    name: string,
    things: () => Things,
    list: (ctx: Context, tenantId: string) => Promise<{ rows: readonly { id: string }[] }>,
    own: string[],
  ][] = [
    ["keys", () => keys, ({ loaders }, id) => loaders.credentialsByTenant.load(page(id, any)), SEEN],
    ["keys in brief", () => keys, ({ loaders }, id) => loaders.credentialsByTenantInBrief.load(page(id, any)), SEEN],
    [
      "certificates",
      () => certificates,
      ({ loaders }, id) => loaders.certificatesByTenant.load(page(id, anyCertificate)),
      ["own", "toSee"],
    ],
    [
      "profiles",
      () => profiles,
      ({ loaders }, id) => loaders.provisioningProfilesByTenant.load(page(id, anyProfile)),
      ["own", "toSee"],
    ],
  ];
  test.each(lists)("%s", async (_, things, list, own) => {
    const names = new Map(Object.entries(things()).map(([name, id]: [string, string]) => [id, name]));
    const listed = async (tenantId: string): Promise<unknown[]> =>
      (await list(ownerOf(web), tenantId)).rows.map(({ id }) => names.get(id));
    expect((await listed(web)).sort()).toEqual([...own].sort());
    for (const other of [mobile, acme.organizationId, globex.organizationId]) expect(await listed(other)).toEqual([]);
  });

  test("members, tokens, signing requests and the log", async () => {
    await Promise.all([web, mobile].map((tenantId) => acme.token(tenantId, ["CREDENTIALS_VIEW"])));
    await acme.member(mobile, "mobile@acme.example", ["VIEWER"]);
    await acme.member(web, "web@acme.example", ["VIEWER"]);
    const [{ loaders }, atMobile] = [ownerOf(web), ownerOf(mobile).loaders];
    const nothing = { action: null, actor: null, subjectId: null, outcome: null, since: null, until: null };
    const counts = (of: Context["loaders"], id: string) =>
      Promise.all(
        [
          of.membersByTenant.load(page(id, null)),
          of.accessTokensByTenant.load(page(id, null)),
          of.signingRequestsByTenant.load(page(id, null)),
          of.auditEventsByTenant.load(page(id, nothing)),
        ].map(async (list) => (await list).rows.length > 0),
      );
    expect(await counts(atMobile, mobile)).toEqual([true, true, true, true]);
    expect(await counts(loaders, mobile)).toEqual([false, false, false, false]);
    // The organization's log holds the sub-organization's own entries.
    expect(await counts(loaders, acme.organizationId)).toEqual([false, false, false, true]);
    const log = await loaders.auditEventsByTenant.load(page(acme.organizationId, nothing));
    expect(new Set(log.rows.map(({ tenantId }) => tenantId))).toEqual(new Set([web]));
  });

  test("what ends soon", async () => {
    const ending = async (tenantId: string): Promise<Set<string>> => {
      const { rows } = await ownerOf(tenantId).loaders.expiringByOrganization.load(
        page(acme.organizationId, { withinDays: 366 }),
      );
      return new Set(rows.map((row) => row.tenantId));
    };
    expect(await ending(web)).toEqual(new Set([web]));
    expect(await ending(acme.organizationId)).toEqual(new Set([acme.organizationId, web, mobile]));
  });
});

describe("through a key a sub-organization sees what Apple said, where it may view it:", () => {
  test("its lists and what changed in them", async () => {
    const { loaders } = ownerOf(web);
    const list = async (id: string): Promise<unknown> =>
      (await loaders.appleCertificates.load(page(id, { type: null }))).rows[0] ?? null;
    expect(await foundOf(keys, list)).toEqual(["own", "toSee"]);
    const drift = async (id: string): Promise<unknown> =>
      (await loaders.driftEventsByKey.load(page(id, null))).rows[0] ?? null;
    expect(await foundOf(keys, drift)).toEqual(["own", "toSee"]);
    expect(await foundOf(keys, (id) => loaders.driftEvent.load(`drift_${id}`))).toEqual(["own", "toSee"]);
  });

  test("how old that is, what it holds, and what is left of the budget", async () => {
    const { loaders } = ownerOf(web);
    const prepared = async (credentialId: string): Promise<unknown> => {
      const wanted = { credentialId, list: "CERTIFICATES", maxAgeSeconds: 3600 } as const;
      return loaders.applePrepared.load(wanted).catch(() => null);
    };
    expect(await foundOf(keys, prepared)).toEqual(["own", "toSee"]);
    const bundleId = async (credentialId: string): Promise<unknown> =>
      (await loaders.appleBundleId.load({ credentialId, appleId: "B" }))[0] ?? null;
    expect(await foundOf(keys, bundleId)).toEqual(["own", "toSee"]);
    expect(
      await foundOf(keys, (id) =>
        loaders.appleBundleId.load({ credentialId: id, appleId: "C" }).then(([row]) => row ?? null),
      ),
    ).toEqual([]);
    expect(await foundOf(keys, (id) => loaders.appleBudget.load(id))).toEqual(["own", "toSee"]);
  });

  test("only for the bundle identifiers that the share names", async () => {
    const id = await acme.credential(acme.organizationId, { verify: false });
    for (const statement of SAID) await query(server.database.ownerUrl, [statement, [id]]);
    const { organizationId: root } = acme;
    const seenWith = async (bundleIdentifiers: string[], tenantId = web): Promise<boolean[]> => {
      await acme.share(id, { subOrganizationIds: [web], bundleIdentifiers });
      const { loaders } = ownerOf(tenantId);
      const listed = await loaders.appleBundleIds.load(page(id, { identifier: null }));
      const held = await loaders.appleBundleId.load({ credentialId: id, appleId: "B" });
      return [listed.rows.length > 0, held.length > 0];
    };
    expect(await seenWith(["com.acme.*"])).toEqual([true, true]);
    expect(await seenWith(["com.other.*"])).toEqual([false, false]);
    expect(await seenWith(["com.other.*"], root)).toEqual([true, true]);
  });

  test("and it signs with its own and those that are shared for that, in its own name", async () => {
    const usable = async (id: string): Promise<unknown> =>
      ownerOf(web)
        .signerFor(web, "SIGN")
        .load(id)
        .then(({ key }) => ({ for: key.tenantId }))
        .catch(() => null);
    expect(await foundOf(keys, usable)).toEqual(["own", "toSign"]);
    expect(await Promise.all([usable(keys.own), usable(keys.toSign)])).toEqual([{ for: web }, { for: web }]);
  });
});

describe("a sub-organization signs", () => {
  const reads = () => new ReadSession(pool, { roots: [acme.organizationId], tenants: [web] });
  const inWeb = () => ({ rootId: acme.organizationId, id: web });
  const TYPE = "IOS_APP_STORE";

  /** Those of the things that are among the rows. */
  const among = (things: Things, rows: readonly { readonly id: string }[]): Promise<string[]> => {
    const ids = new Set(rows.map((row) => row.id));
    return foundOf(things, (id) => Promise.resolve(ids.has(id) ? id : null));
  };

  test("with its own certificates and profiles, and with those that are shared with it for that", async () => {
    expect(await among(certificates, await signableCertificates(reads(), inWeb()))).toEqual(["own", "toSign"]);
    const { rows } = await ownerOf(web).loaders.provisioningProfilesByTenant.load(page(web, anyProfile));
    const identifiers = rows.map((row) => row.bundleIdentifier);
    const found = await signableProfiles(reads(), inWeb(), TYPE, identifiers);
    expect(await among(profiles, found)).toEqual(["own", "toSign"]);
  });

  test("with a profile whose share names its bundle identifier, if it names any", async () => {
    const bundleIdentifier = "com.acme.narrow";
    const profile = await keepOf(acme).profile(acme.organizationId, { type: TYPE, bundleIdentifier });
    const signsWith = async (bundleIdentifiers: string[]): Promise<boolean> => {
      await acme.share(profile, { subOrganizationIds: [web], uses: ["SIGN"], bundleIdentifiers: ["com.acme.*"] });
      await query(server.database.ownerUrl, [
        "UPDATE shares SET bundle_identifiers = $2 WHERE provisioning_profile_id = $1",
        [profile, bundleIdentifiers],
      ]);
      return (await signableProfiles(reads(), inWeb(), TYPE, [bundleIdentifier])).some(({ id }) => id === profile);
    };
    expect(await signsWith(["com.acme.*"])).toBe(true);
    expect(await signsWith(["com.other.*"])).toBe(false);
    expect(await signsWith([])).toBe(true);
  });
});

test("what others keep is not told beside what is kept here", async () => {
  const sha1 = "AB".repeat(20);
  const keep = keepOf(acme);
  const held = await keep.certificate(mobile, { sha1, credentialId: keys.toSee, expiresAt: inDays(10) });
  const own = await keep.certificate(web, { sha1: sha1.replace("AB", "CD"), credentialId: keys.toSee });
  const profile = await keep.profile(web, {
    certificateSha1s: [sha1, sha1.replace("AB", "CD")],
    credentialId: keys.toSee,
  });
  const others = await keep.profile(mobile, {
    certificateSha1s: [sha1, sha1.replace("AB", "CD")],
    credentialId: keys.toSee,
  });
  const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id);
  const [{ loaders }, atRoot] = [ownerOf(web), ownerOf(acme.organizationId).loaders];
  expect(idsOf(await loaders.certificatesOfProfile.load(profile))).toEqual([own]);
  expect(idsOf(await loaders.certificatesOfProfile.load(others))).toEqual([]);
  expect(idsOf(await loaders.certificatesOfCredential.load(keys.toSee))).toEqual([own]);
  expect(idsOf(await loaders.profilesOfCredential.load(keys.toSee))).toEqual([profile]);
  expect(idsOf((await loaders.profilesByCertificate.load(page(own, null))).rows)).toEqual([profile]);
  expect(idsOf(await atRoot.certificatesOfProfile.load(profile)).sort()).toEqual([held, own].sort());
  expect(idsOf(await atRoot.profilesOfCredential.load(keys.toSee)).sort()).toEqual([profile, others].sort());
});
