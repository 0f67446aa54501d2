import { generateKeyPairSync, randomBytes } from "node:crypto";
import { newId } from "../../src/ids.js";
import { Maker } from "../api/signing/maker.js";
import { query } from "../support/database.js";
import { driftedKey } from "../support/drift.js";
import { keepIn } from "../support/kept.js";
import {
  AddMemberDocument,
  CreateAccessTokenDocument,
  CreateCredentialDocument,
  type Permission,
  type Role,
} from "../support/operations.js";
import { seed, type Story } from "../support/seed.js";
import { uploadIdentity } from "../support/signing.js";
import type { TestServer } from "../support/server.js";
import { NOBODIES, ROLES } from "./table.js";

/** The permissions of each role, as a token of the root holds them. */
export const PERMISSIONS_OF_ROLE: Readonly<Record<Role, readonly Permission[]>> = (() => {
  const view = ["CREDENTIALS_VIEW", "SIGNING_VIEW", "PUBLISH_VIEW"] as const;
  const operate = [...view, "SIGNING_MANAGE", "SIGNING_DOWNLOAD", "PUBLISH_MANAGE"] as const;
  const manage = [
    ...operate,
    "TENANT_MANAGE",
    "MEMBERS_MANAGE",
    "TOKENS_MANAGE",
    "CREDENTIALS_MANAGE",
    "CREDENTIALS_SHARE",
    "SIGNING_REVOKE",
    "AUDIT_VIEW",
  ] as const;
  return { OWNER: manage, MANAGER: manage, OPERATOR: operate, VIEWER: view };
})();

/** Who asks. */
export interface Actor {
  /** The bearer token; null: none. */
  readonly token: string | null;
  /** The id by which the actor finds itself. */
  readonly id: string;
  /** A key that the actor sees, if any: through it the actor reaches what Apple holds. */
  readonly key: string;
}

/** Acme with its sub-organizations Web and iOS, what they own, and everybody who might ask for it. */
export interface World {
  readonly server: TestServer;
  readonly acme: Story;
  readonly web: string;
  readonly ios: string;
  /** A key of the root that is shared with every sub-organization. */
  readonly keyForAll: string;
  readonly actors: ReadonlyMap<string, Actor>;
  /** Ids by the names of the table; those that begin with "a new" are made anew each time. */
  target(name: string, actor: Actor): Promise<string>;
  newMember(tenantId: string, role: Role): Promise<string>;
  newToken(tenantId: string, permissions: readonly Permission[]): Promise<{ id: string; secret: string }>;
}

/** The text of a .p8 that Apple never saw. */
export const P8 = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

let made = 0;
/** Something that nobody else is called. */
export const anew = (prefix: string): string => `${prefix}${(made += 1)}`;

/** Makes the world of the table on a server. */
export async function makeWorld(server: TestServer): Promise<World> {
  const acme = await seed(server);
  const root = acme.organizationId;
  const [web, ios] = await Promise.all([acme.subOrganization("Web"), acme.subOrganization("iOS")]);

  const newMember = async (tenantId: string, role: Role): Promise<string> => {
    const input = { tenantId, email: `${anew("member")}@acme.example`, roles: [role] };
    const { data } = await server.ask(acme.owner, AddMemberDocument, { input });
    return data.addMember.member?.id ?? "";
  };
  const newToken = async (tenantId: string, permissions: readonly Permission[]) => {
    const input = { tenantId, name: "CI", permissions: [...permissions] };
    const { data } = await server.ask(acme.owner, CreateAccessTokenDocument, { input });
    return { id: data.createAccessToken.accessToken?.id ?? "", secret: data.createAccessToken.secret ?? "" };
  };
  const newKey = async (tenantId: string): Promise<string> => {
    const key = { keyId: anew("KEY"), issuerId: "issuer", privateKey: P8, verify: false };
    const { data } = await server.ask(acme.owner, CreateCredentialDocument, {
      input: { tenantId, name: "Key", ...key },
    });
    return data.createCredential.credential?.id ?? "";
  };
  const newSharedKey = async (): Promise<string> => {
    const key = await newKey(root);
    await acme.share(key, { subOrganizationIds: [web] });
    return key;
  };
  const newOwnerToken = async (): Promise<string> => {
    const id = newId("accessToken");
    await query(server.database.ownerUrl, [
      `INSERT INTO access_tokens (root_id, id, tenant_id, name, preview, token_hash, permissions, is_owner, expires_at)
       VALUES ($1, $2, $1, 'Owner', 'cs_', $3, '{}', true, now() + interval '1 day')`,
      [root, id, randomBytes(32)],
    ]);
    return id;
  };

  server.sandbox.configure({ deviceLimit: 10_000 }); // Every cell of the table that may registers a device.
  const make = new Maker(server, acme);
  const atApple = async () => {
    const key = await make.key();
    return { key, certificate: await make.certificate(key, { type: "DISTRIBUTION" }) };
  };
  const [forWeb, rootsOwn, websOwn, keyForAll] = await Promise.all([
    driftedKey(server, acme, root),
    driftedKey(server, acme, root),
    driftedKey(server, acme, web),
    acme.credential(root),
  ]);
  const share = await acme.share(forWeb.credentialId, { subOrganizationIds: [web] });
  await acme.share(keyForAll);
  const keep = keepIn(server, root);
  const sharedWithWeb = async (made: Promise<string>) => {
    const id = await made;
    return { id, share: await acme.share(id, { subOrganizationIds: [web] }) };
  };
  const certificateForWeb = await sharedWithWeb(keep.certificate(root));
  const profileForWeb = await sharedWithWeb(keep.profile(root));
  const wholeForWeb = await sharedWithWeb(uploadIdentity(server, acme.owner, root));
  const view: Permission[] = ["CREDENTIALS_VIEW"];
  const fixed: Record<string, string> = {
    "the root": root,
    Web: web,
    "the root's key for Web": forWeb.credentialId,
    "the root's own key": rootsOwn.credentialId,
    "Web's own key": websOwn.credentialId,
    "a change seen by the root's key for Web": forWeb.driftEventId,
    "a change seen by the root's own key": rootsOwn.driftEventId,
    "a change seen by Web's own key": websOwn.driftEventId,
    "the share with Web": share,
    "a member of the root": await newMember(root, "VIEWER"),
    "a member of Web": await newMember(web, "VIEWER"),
    "a token of the root": (await newToken(root, view)).id,
    "a token of Web": (await newToken(web, view)).id,
    "the root's certificate for Web": certificateForWeb.id,
    "the root's own certificate": await keep.certificate(root),
    "Web's own certificate": await keep.certificate(web),
    "the root's whole certificate for Web": wholeForWeb.id,
    "the root's own whole certificate": await uploadIdentity(server, acme.owner, root),
    "Web's own whole certificate": await uploadIdentity(server, acme.owner, web),
    "the root's profile for Web": profileForWeb.id,
    "the root's own profile": await keep.profile(root),
    "Web's own profile": await keep.profile(web),
    "the root's signing request": await keep.signingRequest(root),
    "Web's signing request": await keep.signingRequest(web),
    "the share of a certificate with Web": certificateForWeb.share,
    "the share of a profile with Web": profileForWeb.share,
    "an entry of the root's log": await entryOf(server, root),
    "an entry of Web's log": await entryOf(server, web),
    "another user": newId("user"),
    nothing: newId("credential"),
  };
  const fresh: Record<string, () => Promise<string>> = {
    "a new sub-organization": () => acme.subOrganization(anew("Sub ")),
    "a new viewer of the root": () => newMember(root, "VIEWER"),
    "a new owner of the root": () => newMember(root, "OWNER"),
    "a new viewer of Web": () => newMember(web, "VIEWER"),
    "a new owner of Web": () => newMember(web, "OWNER"),
    "a new token of the root": async () => (await newToken(root, view)).id,
    "a new owner token": newOwnerToken,
    "a new token of Web": async () => (await newToken(web, view)).id,
    "a new root's key for Web": newSharedKey,
    "a new root's own key": () => newKey(root),
    "a new Web's own key": () => newKey(web),
    "a new root's certificate for Web": async () => (await sharedWithWeb(keep.certificate(root))).id,
    "a new root's own certificate": () => keep.certificate(root),
    "a new root's profile for Web": async () => (await sharedWithWeb(keep.profile(root))).id,
    "a new root's own profile": () => keep.profile(root),
    "a new root's certificate at Apple": async () => (await atApple()).certificate.id,
    "a new root's profile at Apple": async () => {
      const { key, certificate } = await atApple();
      return (await make.profile(key, [certificate])).id;
    },
    "a new Web's own certificate": () => keep.certificate(web),
    "a new Web's own profile": () => keep.profile(web),
  };
  const world: Omit<World, "actors"> = {
    server,
    acme,
    web,
    ios,
    keyForAll,
    newMember,
    newToken,
    target: async (name, actor) => {
      const id = name === "themselves" ? actor.id : (fixed[name] ?? (await fresh[name]?.()));
      if (id === undefined) throw new Error(`The world has no target ${name}`);
      return id;
    },
  };
  return { ...world, actors: await makeActors(world) };
}

/** The first entry of a tenant's log. */
async function entryOf(server: TestServer, tenantId: string): Promise<string> {
  const rows = await query<{ id: string }>(server.database.ownerUrl, [
    "SELECT id FROM audit_events WHERE tenant_id = $1 ORDER BY seq LIMIT 1",
    [tenantId],
  ]);
  return rows[0]?.id ?? "";
}

async function makeActors(world: Omit<World, "actors">): Promise<Map<string, Actor>> {
  const { server, acme, web, ios } = world;
  const root = acme.organizationId;
  const actors = new Map<string, Actor>();
  const whoIs = async (token: string, key = world.keyForAll): Promise<Actor> => {
    const { data } = await server.ask<{ viewer: { actor: { id: string } } }>(
      token,
      `{ viewer { actor { ... on User { id } ... on AccessToken { id } } } }`,
    );
    return { token, id: data.viewer.actor.id, key };
  };
  for (const role of ROLES) {
    for (const [where, tenantId] of [
      ["the root", root],
      ["Web", web],
      ["iOS", ios],
    ] as const) {
      const email = `${role}-${tenantId}@acme.example`.toLowerCase();
      actors.set(`${role} of ${where}`, await whoIs(await acme.member(tenantId, email, [role])));
    }
    const ofRoot = PERMISSIONS_OF_ROLE[role];
    const ofWeb = ofRoot.filter((permission) => permission !== "CREDENTIALS_SHARE");
    actors.set(`${role} token of the root`, await whoIs((await world.newToken(root, ofRoot)).secret));
    actors.set(`${role} token of Web`, await whoIs((await world.newToken(web, ofWeb)).secret));
  }
  const globex = await seed(server, "Globex");
  const stranger = await globex.member(globex.organizationId, "owner@globex.example", ["OWNER"]);
  actors.set("a stranger", await whoIs(stranger, await globex.credential(globex.organizationId)));
  actors.set("a user of nothing", await whoIs(await server.issuer.token("nobody@nowhere.example")));
  actors.set("the owner token", await whoIs(acme.owner));
  for (const [name, token] of Object.entries(await nobodies(world))) {
    actors.set(name, { token, id: newId("user"), key: world.keyForAll });
  }
  return actors;
}

/** Those who present nothing, or nothing that is valid. */
async function nobodies({ server, acme, newToken }: Omit<World, "actors">) {
  const root = acme.organizationId;
  const everything = PERMISSIONS_OF_ROLE.OWNER;
  const [revoked, expired] = await Promise.all([newToken(root, everything), newToken(root, everything)]);
  const revoke = `mutation ($input: RevokeAccessTokenInput!) { revokeAccessToken(input: $input) { deletedId } }`;
  await server.ask(acme.owner, revoke, { input: { accessTokenId: revoked.id } });
  await query(server.database.ownerUrl, [
    "UPDATE access_tokens SET expires_at = now() - interval '1 second' WHERE id = $1",
    [expired.id],
  ]);
  return {
    nobody: null,
    "a revoked token": revoked.secret,
    "an expired token": expired.secret,
    "a malformed token": "cs_not-a-token",
    "an unknown token": `cs_${randomBytes(32).toString("base64url")}`,
    "a forged identity token": await server.issuer.forge({ email: `owner-${root}@acme.example`.toLowerCase() }),
  } satisfies Record<(typeof NOBODIES)[number], string | null>;
}
