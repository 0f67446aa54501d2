import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { query } from "../../support/database.js";
import { keepIn, type Keep } from "../../support/kept.js";
import { codesOf } from "../../support/mutation.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";

let server: TestServer;
let acme: Story;
let keep: Keep;
let web: string;
let apps: string;

beforeAll(async () => {
  server = await startTestServer();
  acme = await seed(server);
  keep = keepIn(server, acme.organizationId);
  [web, apps] = [await acme.subOrganization("Web"), await acme.subOrganization("Apps")];
});
afterAll(() => server.close());

const rootKey = (): Promise<string> => acme.credential(acme.organizationId, { verify: false });

const DOCUMENT = `query ($id: ID!) {
  credential(id: $id) { impact { subOrganizations { id } certificates { id } provisioningProfiles { id } } }
}`;

/** The ids of what would be hit. */
async function impactOf(id: string, bearer = acme.owner): Promise<[subs: string[], kept: string[]]> {
  type Ids = { id: string }[];
  const { data, errors } = await server.ask<{
    credential: { impact: { subOrganizations: Ids; certificates: Ids; provisioningProfiles: Ids } };
  }>(bearer, DOCUMENT, { id });
  expect(errors).toBeUndefined();
  const { subOrganizations, certificates, provisioningProfiles } = data.credential.impact;
  return [subOrganizations.map((sub) => sub.id), [...certificates, ...provisioningProfiles].map((each) => each.id)];
}

describe("the impact of a key", () => {
  test("is nobody and nothing for a key that nobody uses", async () => {
    expect(await impactOf(await rootKey())).toEqual([[], []]);
  });

  test("is the sub-organizations that its share reaches now", async () => {
    const key = await rootKey();
    await acme.share(key, { subOrganizationIds: [web] });
    expect((await impactOf(key))[0]).toEqual([web]);
    await acme.share(key);
    expect((await impactOf(key))[0]).toEqual([web, apps]);
    await query(server.database.ownerUrl, [
      "UPDATE shares SET expires_at = now() - interval '1 second' WHERE credential_id = $1",
      [key],
    ]);
    expect((await impactOf(key))[0]).toEqual([]);
  });

  test("is the certificates and profiles made through it, whoever keeps them", async () => {
    const [key, other] = [await rootKey(), await rootKey()];
    const kept = [
      await keep.certificate(acme.organizationId, { credentialId: key }),
      await keep.certificate(web, { credentialId: key }),
      await keep.profile(apps, { credentialId: key }),
    ];
    await keep.certificate(web, { credentialId: other });
    await keep.profile(web);
    expect((await impactOf(key))[1]).toEqual(kept);
  });

  test("is, for whoever has the key only through a share, no sibling and nothing of a sibling's", async () => {
    const key = await rootKey();
    await acme.share(key);
    const inWeb = await acme.member(web, "viewer@impact.example", ["VIEWER"]);
    const ours = await keep.certificate(web, { credentialId: key });
    const theirs = await keep.certificate(apps, { credentialId: key });
    expect(await impactOf(key, inWeb)).toEqual([[web], [ours]]);
    expect(await impactOf(key)).toEqual([
      [web, apps],
      [ours, theirs],
    ]);
  });

  test("takes SIGNING_VIEW besides the key itself", async () => {
    const key = await rootKey();
    const [one, both] = [
      await acme.token(acme.organizationId, ["CREDENTIALS_VIEW"]),
      await acme.token(acme.organizationId, ["CREDENTIALS_VIEW", "SIGNING_VIEW"]),
    ];
    expect(codesOf(await server.ask(one, DOCUMENT, { id: key }))).toEqual(["FORBIDDEN"]);
    expect(await impactOf(key, both)).toEqual([[], []]);
  });
});
