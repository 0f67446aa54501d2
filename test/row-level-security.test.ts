import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeDataSource } from "../src/database/data-source.js";
import { checkServerRole, UnfitDatabase } from "../src/database/migrate.js";
import { makeReadPool } from "../src/database/read-pool.js";
import { inTransaction, ReadSession, type Scope } from "../src/database/tenancy.js";
import { newId } from "../src/ids.js";
import { query } from "./support/database.js";
import { driftedKey } from "./support/drift.js";
import { SERVER_ROLE } from "./support/global-setup.js";
import { keepIn } from "./support/kept.js";
import { seed, type Story } from "./support/seed.js";
import { startTestServer, type TestServer } from "./support/server.js";

let server: TestServer;
/** Two organizations, alike. */
let acme: Story & {
  web: string;
  apps: string;
  ownKeyOfWeb: string;
  ownKeyOfApps: string;
  sharedWithWeb: string;
  /** By table: what is kept, and by whom. */
  kept: Record<(typeof SHAREABLE)[number], { ownOfWeb: string; ownOfApps: string; sharedWithWeb: string }>;
};
let globex: typeof acme;
/** Every table that holds rows of organizations. */
let tables: string[];

beforeAll(async () => {
  server = await startTestServer();
  acme = await furnished("Acme");
  globex = await furnished("Globex");
  const found = await query<{ table: string }>(
    server.database.ownerUrl,
    `SELECT c.relname AS table FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'root_id' AND NOT a.attisdropped
     ORDER BY c.relname`,
  );
  tables = found.map(({ table }) => table);
});
afterAll(() => server.close());

/** Tables of what Apple said of a key: whoever sees the key sees them. */
const SEEN_WITH_THE_KEY = [
  ...["apple_budgets", "apple_bundle_ids", "apple_certificates", "apple_devices", "apple_profile_certificates"],
  ...["apple_profile_devices", "apple_provisioning_profiles", "apple_snapshots", "drift_events"],
];

/** Tables of what tenants keep and the root may share. */
const SHAREABLE = ["certificates", "provisioning_profiles"] as const;

/** What Apple knows each by: one tenant keeps it once. */
const IDENTITY = { certificates: "sha1", provisioning_profiles: "uuid" } as const;

/** Tables of what is a tenant's alone, with the column that says whose. */
const PRIVATE = [
  ["signing_requests", "owner_id"],
  ["signing_intents", "owner_id"],
  ["idempotent_requests", "tenant_id"],
  ["audit_events", "tenant_id"],
] as const;

/** What is a tenant's alone, in each of its tables. */
async function keepPrivate(rootId: string, tenantId: string, credentialId: string): Promise<void> {
  await keepIn(server, rootId).signingRequest(tenantId);
  await query(
    server.database.ownerUrl,
    [
      `INSERT INTO signing_intents (root_id, id, owner_id, credential_id, kind, state, wanted, actor)
       VALUES ($1, $2, $3, $4, 'PROFILE', 'INTENT', '{}', '{}')`,
      [rootId, newId("signingIntent"), tenantId, credentialId],
    ],
    [
      `INSERT INTO idempotent_requests (root_id, tenant_id, actor_id, operation, key, input_hash)
       VALUES ($1, $2, 'usr_1', 'createCertificate', 'once', 'hash')`,
      [rootId, tenantId],
    ],
  );
}

/** An organization with at least one row in every table. */
async function furnished(name: string): Promise<typeof acme> {
  const story = await seed(server, name);
  const web = await story.subOrganization("Web");
  const apps = await story.subOrganization("Apps");
  for (const tenant of [web, apps]) {
    await story.member(tenant, `member@${tenant}.example`, ["VIEWER"]);
    await story.token(tenant, ["CREDENTIALS_VIEW"]);
  }
  await story.member(story.organizationId, `root@${name.toLowerCase()}.example`, ["MANAGER"]);
  const { credentialId: sharedWithWeb } = await driftedKey(server, story, story.organizationId);
  await story.share(sharedWithWeb, { subOrganizationIds: [web] });
  const sharedWithApps = await story.credential(story.organizationId);
  await story.share(sharedWithApps, { subOrganizationIds: [apps] });
  const [{ credentialId: ownKeyOfWeb }, { credentialId: ownKeyOfApps }] = [
    await driftedKey(server, story, web),
    await driftedKey(server, story, apps),
  ];
  const used = await server.ask(
    story.owner,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect { devices { nodes { appleId } } } } }`,
    { id: sharedWithApps },
  );
  expect(used.errors).toBeUndefined();
  const keep = keepIn(server, story.organizationId);
  const keeping = async (make: (tenantId: string) => Promise<string>) => {
    const [shared, ownOfWeb, ownOfApps] = [await make(story.organizationId), await make(web), await make(apps)];
    await story.share(shared, { subOrganizationIds: [web] });
    await story.share(await make(story.organizationId), { subOrganizationIds: [apps] });
    return { ownOfWeb, ownOfApps, sharedWithWeb: shared };
  };
  const kept = {
    certificates: await keeping((tenantId) => keep.certificate(tenantId)),
    provisioning_profiles: await keeping((tenantId) => keep.profile(tenantId)),
  };
  for (const [tenant, key] of [
    [story.organizationId, sharedWithWeb],
    [web, ownKeyOfWeb],
    [apps, ownKeyOfApps],
  ] as const) {
    await keepPrivate(story.organizationId, tenant, key);
  }
  return { ...story, web, apps, ownKeyOfWeb, ownKeyOfApps, sharedWithWeb, kept };
}

/** Rows of one statement, as the server sees them where it stands. */
function seenFrom<Row extends object>(scope: Scope, statement: string): Promise<Row[]> {
  return query<Row>(
    server.database.serverUrl,
    "BEGIN",
    [
      "SELECT set_config('countersign.roots', $1, true), set_config('countersign.tenants', $2, true)",
      [scope.roots.join(","), scope.tenants.join(",")],
    ],
    statement,
  );
}

/** How many rows of each table the server sees where it stands, by the organization they belong to. */
async function countsFrom(scope: Scope): Promise<Record<string, Record<string, number>>> {
  const union = tables
    .map((table) => `SELECT '${table}' AS "table", root_id, count(*)::int AS rows FROM ${table} GROUP BY root_id`)
    .join(" UNION ALL ");
  const counts: Record<string, Record<string, number>> = Object.fromEntries(tables.map((table) => [table, {}]));
  for (const row of await seenFrom<{ table: string; root_id: string; rows: number }>(scope, union)) {
    counts[row.table] = { ...counts[row.table], [row.root_id]: row.rows };
  }
  return counts;
}

const rootOf = ({ organizationId }: Story): Scope => ({ roots: [organizationId], tenants: [organizationId] });

describe("every table that belongs to organizations", () => {
  test("is among those that are checked here", () => {
    expect(tables).toEqual(
      expect.arrayContaining([
        "access_tokens",
        "apple_budgets",
        "apple_bundle_ids",
        "apple_calls",
        "apple_certificates",
        "apple_devices",
        "apple_profile_certificates",
        "apple_profile_devices",
        "apple_provisioning_profiles",
        "apple_snapshots",
        "audit_events",
        "audit_heads",
        "certificates",
        "credential_uses",
        "credentials",
        "data_keys",
        "drift_events",
        "idempotent_requests",
        "members",
        "provisioning_profiles",
        "share_targets",
        "shares",
        "signing_intents",
        "signing_requests",
        "tenants",
      ]),
    );
  });

  test("has row-level security, which binds the owner of the table too", async () => {
    const open = await query(
      server.database.ownerUrl,
      `SELECT relname FROM pg_class WHERE relname = ANY ('{${tables.join()}}')
         AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity)`,
    );
    expect(open).toEqual([]);
  });

  test("leads its primary key and every foreign key with the organization", async () => {
    const keys = await query<{ table: string; constraint: string; first: string }>(
      server.database.ownerUrl,
      `SELECT k.conrelid::regclass::text AS table, k.conname AS constraint, a.attname AS first
       FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
       WHERE k.contype IN ('p', 'f') AND k.conrelid::regclass::text = ANY ('{${tables.join()}}')`,
    );
    expect(new Set(keys.map(({ table }) => table))).toEqual(new Set(tables));
    expect(keys.filter(({ first }) => first !== "root_id")).toEqual([]);
  });
});

test("the log is appended to where the server stands, and changed by nobody, not even there", async () => {
  const changes = [
    "UPDATE audit_events SET action = 'other'",
    "DELETE FROM audit_events",
    `INSERT INTO audit_events (root_id, id, seq, tenant_id, at, action, outcome, actor_id, actor_label, details, hash)
     VALUES ('${acme.organizationId}', 'aud_new', 1000, '${acme.organizationId}', now(), 'key.used', 'DONE', 'usr_1', 'jane', '{}', '')`,
    "UPDATE audit_heads SET seq = 0",
    "DELETE FROM audit_heads",
  ];
  for (const statement of changes) {
    await expect(seenFrom(rootOf(acme), statement)).rejects.toMatchObject({ code: "42501" });
  }
  const append = (rootId: string): string => {
    const entry = { root_id: rootId, id: "aud_new", tenant_id: rootId, action: "key.used", outcome: "DONE" };
    const entries = [{ ...entry, actor_id: "usr_1", actor_label: "jane", details: {} }];
    return `SELECT append_audit('${JSON.stringify(entries)}')`;
  };
  expect(await seenFrom(rootOf(acme), append(acme.organizationId))).toHaveLength(1);
  await expect(seenFrom(rootOf(acme), append(globex.organizationId))).rejects.toMatchObject({ code: "42501" });
});

describe("the server's role", () => {
  test("is no superuser, cannot bypass row-level security, and is in no role that is or can", async () => {
    const roles = await query<{ rolname: string; rolsuper: boolean; rolbypassrls: boolean }>(
      server.database.serverUrl,
      "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')",
    );
    expect(roles.map(({ rolname }) => rolname)).toContain(SERVER_ROLE);
    expect(roles.filter(({ rolsuper, rolbypassrls }) => rolsuper || rolbypassrls)).toEqual([]);
  });

  test("owns nothing", async () => {
    const owned = await query(
      server.database.serverUrl,
      `SELECT relname FROM pg_class WHERE pg_has_role(current_user, relowner, 'MEMBER')
       UNION ALL SELECT proname FROM pg_proc WHERE pg_has_role(current_user, proowner, 'MEMBER')
       UNION ALL SELECT nspname FROM pg_namespace WHERE pg_has_role(current_user, nspowner, 'MEMBER') AND nspname !~ '^pg_temp'
       UNION ALL SELECT datname FROM pg_database WHERE pg_has_role(current_user, datdba, 'MEMBER')`,
    );
    expect(owned).toEqual([]);
  });

  test("cannot turn row-level security off", async () => {
    for (const table of tables) {
      await expect(
        query(server.database.serverUrl, `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`),
      ).rejects.toMatchObject({ code: "42501" });
      // Not a refusal but an error: rows that a policy would hide.
      await expect(
        query(server.database.serverUrl, "SET row_security = off", `SELECT * FROM ${table}`),
      ).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("is accepted at the start, and the owner of the tables is not", async () => {
    await expect(checkRole(server.database.serverUrl)).resolves.toBeUndefined();
    await expect(checkRole(server.database.ownerUrl)).rejects.toThrow(UnfitDatabase);
  });

  test("is refused at the start once it is in a role that bypasses row-level security", async () => {
    const suffix = randomBytes(4).toString("hex");
    const [login, bypassing] = [`countersign_test_login_${suffix}`, `countersign_test_bypass_${suffix}`];
    const url = new URL(server.database.serverUrl);
    url.username = login;
    const { ownerUrl } = server.database;
    await query(
      ownerUrl,
      `CREATE ROLE ${login} LOGIN PASSWORD '${url.password}' IN ROLE countersign_app`,
      `CREATE ROLE ${bypassing} NOLOGIN BYPASSRLS`,
      `GRANT SELECT ON migrations TO ${login}`,
    );
    try {
      await expect(checkRole(url.href)).resolves.toBeUndefined();
      await query(ownerUrl, `GRANT ${bypassing} TO ${login}`);
      await expect(checkRole(url.href)).rejects.toThrow(UnfitDatabase);
    } finally {
      await query(ownerUrl, `DROP OWNED BY ${login}`, `DROP ROLE ${login}, ${bypassing}`);
    }
  });

  async function checkRole(url: string): Promise<void> {
    const dataSource = await makeDataSource(url, 1).initialize();
    try {
      await checkServerRole(dataSource);
    } finally {
      await dataSource.destroy();
    }
  }
});

describe("the server", () => {
  test("sees no row of any table while it stands nowhere", async () => {
    for (const table of tables) expect(await query(server.database.serverUrl, `SELECT * FROM ${table}`)).toEqual([]);
    const nothing = Object.fromEntries(tables.map((table) => [table, {}]));
    expect(await countsFrom({ roots: [], tenants: [] })).toEqual(nothing);
    expect(await countsFrom({ roots: [], tenants: [acme.organizationId, acme.web] })).toEqual(nothing);
  });

  test("sees, standing in one organization, rows of every table and none of another organization's", async () => {
    for (const [here, there] of [
      [acme, globex],
      [globex, acme],
    ] as const) {
      const counts = await countsFrom(rootOf(here));
      for (const table of tables) {
        expect([table, Object.keys(counts[table] ?? {})]).toEqual([table, [here.organizationId]]);
      }
      expect(JSON.stringify(counts)).not.toContain(there.organizationId);
    }
  });

  test("changes, standing in one organization, no row of another's", async () => {
    for (const statement of [
      "UPDATE tenants SET name = name RETURNING root_id",
      "UPDATE members SET roles = roles RETURNING root_id",
      "UPDATE credentials SET name = name RETURNING root_id",
      "UPDATE shares SET uses = uses RETURNING root_id",
      "DELETE FROM share_targets RETURNING root_id",
      "DELETE FROM access_tokens RETURNING root_id",
      ...SEEN_WITH_THE_KEY.map((table) => `UPDATE ${table} SET root_id = root_id RETURNING root_id`),
      ...SEEN_WITH_THE_KEY.map((table) => `DELETE FROM ${table} RETURNING root_id`),
      "UPDATE apple_calls SET calls = calls RETURNING root_id",
      "DELETE FROM apple_calls RETURNING root_id",
      "DELETE FROM credentials RETURNING root_id",
      ...SHAREABLE.map((table) => `UPDATE ${table} SET name = name RETURNING root_id`),
      ...SHAREABLE.map((table) => `DELETE FROM ${table} RETURNING root_id`),
      "UPDATE signing_intents SET looks = looks + 1 RETURNING root_id",
      "UPDATE idempotent_requests SET outcome = '{}' RETURNING root_id",
      ...["signing_requests", "signing_intents", "idempotent_requests"].map(
        (table) => `DELETE FROM ${table} RETURNING root_id`,
      ),
    ]) {
      const changed = await seenFrom<{ root_id: string }>(rootOf(acme), statement);
      expect(new Set(changed.map((row) => row.root_id))).toEqual(new Set([acme.organizationId]));
    }
  });

  test("cannot write a row for an organization it does not stand in", async () => {
    const insert = (rootId: string): string =>
      `INSERT INTO members (root_id, id, tenant_id, email, roles)
       VALUES ('${rootId}', 'mem_slipped_in', '${rootId}', 'new@acme.example', '{OWNER}') RETURNING id`;
    await expect(seenFrom(rootOf(acme), insert(globex.organizationId))).rejects.toMatchObject({ code: "42501" });
    expect(await seenFrom(rootOf(acme), insert(acme.organizationId))).toEqual([{ id: "mem_slipped_in" }]);
  });
});

describe("standing in a sub-organization, the server", () => {
  const idsIn = async (scope: Scope, table: string, column = "id"): Promise<string[]> => {
    const rows = await seenFrom<{ value: string }>(scope, `SELECT ${column} AS value FROM ${table} ORDER BY 1`);
    return rows.map(({ value }) => value);
  };
  const inWeb = (): Scope => ({ roots: [acme.organizationId], tenants: [acme.web] });

  test("sees the sub-organization and its root, and no sibling", async () => {
    expect(await idsIn(inWeb(), "tenants")).toEqual([acme.organizationId, acme.web].sort());
    expect(await idsIn(rootOf(acme), "tenants")).toContain(acme.apps);
  });

  test("sees its own keys and those shared with it, and no sibling's", async () => {
    expect(await idsIn(inWeb(), "credentials")).toEqual([acme.sharedWithWeb, acme.ownKeyOfWeb].sort());
    expect(await idsIn(rootOf(acme), "credentials")).toContain(acme.ownKeyOfApps);
  });

  test("sees when its keys and those shared with it were used, and no other", async () => {
    expect(await idsIn(inWeb(), "credential_uses", "credential_id")).toEqual(
      [acme.sharedWithWeb, acme.ownKeyOfWeb].sort(),
    );
    expect(await idsIn(rootOf(acme), "credential_uses", "credential_id")).toContain(acme.ownKeyOfApps);
  });

  test.each(SEEN_WITH_THE_KEY)("sees %s of its keys and of those shared with it, and of no other", async (table) => {
    const seen = new Set(await idsIn(inWeb(), table, "credential_id"));
    expect(seen).toEqual(new Set([acme.sharedWithWeb, acme.ownKeyOfWeb]));
    expect(await idsIn(rootOf(acme), table, "credential_id")).toContain(acme.ownKeyOfApps);
  });

  test.each(SEEN_WITH_THE_KEY)(
    "changes %s of its own keys alone, and of none that is only shared with it",
    async (table) => {
      const inWebAlone = inWeb();
      for (const statement of [
        `UPDATE ${table} SET root_id = root_id RETURNING credential_id`,
        `DELETE FROM ${table} RETURNING credential_id`,
      ]) {
        const changed = await seenFrom<{ credential_id: string }>(inWebAlone, statement);
        expect(new Set(changed.map((row) => row.credential_id))).toEqual(new Set([acme.ownKeyOfWeb]));
      }
      const insert = (credentialId: string, ownerId: string): string =>
        `INSERT INTO apple_snapshots (root_id, owner_id, credential_id, list, attempts)
       VALUES ('${acme.organizationId}', '${ownerId}', '${credentialId}', 'DEVICES', 7)
       ON CONFLICT (root_id, credential_id, list) DO UPDATE SET attempts = 7 RETURNING attempts`;
      const denied = insert(acme.sharedWithWeb, acme.organizationId);
      await expect(seenFrom(inWebAlone, denied)).rejects.toMatchObject({ code: "42501" });
      // Nor by saying that the key is its own.
      const lie = insert(acme.sharedWithWeb, acme.web);
      await expect(seenFrom(inWebAlone, lie)).rejects.toMatchObject({ code: "42501" });
      expect(await seenFrom(inWebAlone, insert(acme.ownKeyOfWeb, acme.web))).toEqual([{ attempts: 7 }]);
    },
  );

  test("sees who has used its own keys, and of those shared with it not even its own use", async () => {
    expect(new Set(await idsIn(inWeb(), "apple_calls", "credential_id"))).toEqual(new Set([acme.ownKeyOfWeb]));
    expect(await idsIn(rootOf(acme), "apple_calls", "credential_id")).toContain(acme.sharedWithWeb);
  });

  test("sees that something is shared with it, and not with whom else", async () => {
    expect(
      new Set(await idsIn(inWeb(), "shares", "coalesce(credential_id, certificate_id, provisioning_profile_id)")),
    ).toEqual(new Set([acme.sharedWithWeb, ...SHAREABLE.map((table) => acme.kept[table].sharedWithWeb)]));
    expect(new Set(await idsIn(inWeb(), "share_targets", "sub_organization_id"))).toEqual(new Set([acme.web]));
    expect(await idsIn(rootOf(acme), "share_targets", "sub_organization_id")).toContain(acme.apps);
  });

  test.each(SHAREABLE)("sees %s of its own and those shared with it, and no other", async (table) => {
    const { ownOfWeb, ownOfApps, sharedWithWeb } = acme.kept[table];
    expect(await idsIn(inWeb(), table)).toEqual([ownOfWeb, sharedWithWeb].sort());
    expect(await idsIn(rootOf(acme), table)).toContain(ownOfApps);
  });

  test.each(SHAREABLE)("changes and deletes %s of its own, and none that is only shared with it", async (table) => {
    const { ownOfWeb } = acme.kept[table];
    for (const statement of [`UPDATE ${table} SET name = name RETURNING id`, `DELETE FROM ${table} RETURNING id`]) {
      expect(await seenFrom(inWeb(), statement)).toEqual([{ id: ownOfWeb }]);
    }
  });

  test.each(SHAREABLE)("keeps none of %s for the root or a sibling", async (table) => {
    const { ownOfWeb } = acme.kept[table];
    const copy = (ownerId: string): string =>
      `INSERT INTO ${table} SELECT copy.* FROM ${table} k, jsonb_populate_record(NULL::${table}, to_jsonb(k) ||
         jsonb_build_object('id', 'copy_of_it', 'owner_id', '${ownerId}', '${IDENTITY[table]}', 'another')) AS copy
       WHERE k.id = '${ownOfWeb}' RETURNING id`;
    for (const other of [acme.apps, acme.organizationId]) {
      await expect(seenFrom(inWeb(), copy(other))).rejects.toMatchObject({ code: "42501" });
    }
    expect(await seenFrom(inWeb(), copy(acme.web))).toEqual([{ id: "copy_of_it" }]);
  });

  test.each(PRIVATE)("sees %s of its own, and neither the root's nor a sibling's", async (table, owner) => {
    expect(new Set(await idsIn(inWeb(), table, owner))).toEqual(new Set([acme.web]));
    expect(new Set(await idsIn(rootOf(acme), table, owner))).toEqual(
      new Set([acme.organizationId, acme.web, acme.apps]),
    );
  });

  test("sees its own tokens and members, and the root's members, and no sibling's", async () => {
    expect(new Set(await idsIn(inWeb(), "access_tokens", "tenant_id"))).toEqual(new Set([acme.web]));
    expect(new Set(await idsIn(inWeb(), "members", "tenant_id"))).toEqual(new Set([acme.organizationId, acme.web]));
    expect(await idsIn(rootOf(acme), "access_tokens", "tenant_id")).toContain(acme.apps);
    expect(await idsIn(rootOf(acme), "members", "tenant_id")).toContain(acme.apps);
  });
});

describe("where a unit of work stands", () => {
  const COUNT = { name: "test_count", text: "SELECT count(*)::int AS keys FROM credentials" };

  test("does not reach the next that borrows the connection of a read", async () => {
    const pool = makeReadPool(server.database.serverUrl, 1);
    try {
      const [seen] = await new ReadSession(pool, rootOf(acme)).rows<{ keys: number }>(COUNT, []);
      expect(seen?.keys).toBe(4);
      const { rows } = await pool.query<{ keys: number; backend: number }>(COUNT.text);
      expect(rows[0]?.keys).toBe(0);
      const [other] = await new ReadSession(pool, { roots: [], tenants: [] }).rows<{ keys: number }>(COUNT, []);
      expect(other?.keys).toBe(0);
    } finally {
      await pool.end();
    }
  });

  test("does not reach the next after a read that failed", async () => {
    const pool = makeReadPool(server.database.serverUrl, 1);
    try {
      const failing = new ReadSession(pool, rootOf(acme)).rows({ name: "test_fail", text: "SELECT 1 / 0 AS x" }, []);
      await expect(failing).rejects.toMatchObject({ code: "22012" });
      expect((await pool.query<{ keys: number }>(COUNT.text)).rows).toEqual([{ keys: 0 }]);
      const [seen] = await new ReadSession(pool, rootOf(globex)).rows<{ keys: number }>(COUNT, []);
      expect(seen?.keys).toBe(4);
    } finally {
      await pool.end();
    }
  });

  test("does not reach the next that borrows the connection of a write, committed or rolled back", async () => {
    const dataSource = await makeDataSource(server.database.serverUrl, 1).initialize();
    try {
      const count = (): Promise<unknown> => dataSource.query(COUNT.text);
      const within = await inTransaction(dataSource, rootOf(acme), (manager) => manager.query<unknown>(COUNT.text));
      expect(within).toEqual([{ keys: 4 }]);
      expect(await count()).toEqual([{ keys: 0 }]);
      const failing = inTransaction(dataSource, rootOf(acme), () => Promise.reject(new Error("changed its mind")));
      await expect(failing).rejects.toThrow("changed its mind");
      expect(await count()).toEqual([{ keys: 0 }]);
    } finally {
      await dataSource.destroy();
    }
  });

  test("is a list of ids and nothing else, whatever is written into it", async () => {
    const pool = makeReadPool(server.database.serverUrl, 1);
    const hostile = `${acme.organizationId}', true); SELECT set_config('countersign.roots', '${globex.organizationId}`;
    try {
      const [seen] = await new ReadSession(pool, { roots: [hostile], tenants: [hostile] }).rows<{ keys: number }>(
        COUNT,
        [],
      );
      expect(seen?.keys).toBe(0);
    } finally {
      await pool.end();
    }
  });
});
