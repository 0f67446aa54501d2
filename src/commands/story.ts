import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { registerKeyOverHttp } from "../sandbox/client.js";

/** Where the story happens. */
export interface Stage {
  readonly url: string;
  readonly sandboxUrl: string;
  readonly organizationId: string;
  /** The owner token of Acme. */
  readonly owner: string;
  /** Where the .p8 files go. */
  readonly dataDir: string;
}

/** What came of it: steps that were not as expected, and the tokens by whose they are. */
export interface Told {
  readonly failures: number;
  readonly tokens: Readonly<Record<string, string>>;
}

interface Answer {
  readonly data: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

const CREATE_SUB_ORGANIZATION = `mutation ($input: CreateSubOrganizationInput!) {
  createSubOrganization(input: $input) { subOrganization { id name } userErrors { code message } }
}`;
const CREATE_TOKEN = `mutation ($input: CreateAccessTokenInput!) {
  createAccessToken(input: $input) { accessToken { preview } secret userErrors { code message } }
}`;
const CREATE_CREDENTIAL = `mutation ($input: CreateCredentialInput!) {
  createCredential(input: $input) {
    credential { id name program keyId health { status } }
    userErrors { code message }
  }
}`;
const SHARE = `mutation ($input: ShareInput!) {
  share(input: $input) {
    share { withAllSubOrganizations uses subOrganizations { nodes { name } } }
    userErrors { code message }
  }
}`;
const RENAME = `mutation ($input: UpdateCredentialInput!) {
  updateCredential(input: $input) { credential { name } userErrors { code message } }
}`;
const WHAT_WEB_SEES = `query ($id: ID!) {
  subOrganization(id: $id) {
    name
    credentials {
      edges {
        tag
        node {
          name
          program
          viewerCanUpdate
          appStoreConnect {
            certificates { nodes { name type state } }
            provisioningProfiles(first: 2) { nodes { name type state bundleId { identifier } } }
          }
        }
      }
    }
  }
}`;
const NAMES = `query ($id: ID!) {
  subOrganization(id: $id) { credentials { edges { tag node { name } } } }
}`;
const EXPLAIN = `query ($tenantId: ID!, $subjectId: ID!) {
  explainAccess(tenantId: $tenantId, subjectId: $subjectId, use: PUBLISH) { allowed reasons }
}`;

/** Tells the story of Acme through the public API, printing each question and answer. */
export async function tellStory(stage: Stage, say: (line: string) => void): Promise<Told> {
  let failures = 0;

  const ask = async (token: string, query: string, variables: object): Promise<Answer> => {
    const response = await fetch(`${stage.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Answer;
  };
  const step = (title: string): void => {
    say(`\n── ${title}`);
  };
  const expect = (what: string, holds: boolean): void => {
    if (!holds) failures += 1;
    say(`${holds ? "✓" : "✗"} ${what}`);
  };
  const show = (query: string, answer: Answer): void => {
    say(indented(query));
    say(indented(JSON.stringify(answer.errors === undefined ? answer.data : answer, null, 2), "→ "));
  };
  const edges = (answer: Answer): readonly { tag: string; node: { name: string } }[] =>
    at(answer, "subOrganization", "credentials", "edges") as never;

  step("Acme makes three sub-organizations");
  const subOrganizations: Record<string, string> = {};
  for (const name of ["Web", "Mobile", "Games"]) {
    const made = await ask(stage.owner, CREATE_SUB_ORGANIZATION, {
      input: { organizationId: stage.organizationId, name },
    });
    subOrganizations[name] = String(at(made, "createSubOrganization", "subOrganization", "id"));
    expect(`${name} is ${subOrganizations[name]}`, subOrganizations[name].startsWith("sub_"));
  }

  /** As one would: download the .p8 once, then hand its text over. */
  const addKey = async (name: string, program: "app-store" | "enterprise"): Promise<string> => {
    const { keyId, issuerId, privateKey } = await registerKeyOverHttp(stage.sandboxUrl, { program });
    const file = join(stage.dataDir, `AuthKey_${keyId}.p8`);
    await writeFile(file, privateKey, { mode: 0o600 });
    const added = await ask(stage.owner, CREATE_CREDENTIAL, {
      input: {
        tenantId: stage.organizationId,
        name,
        program: program === "enterprise" ? "ENTERPRISE" : "APP_STORE",
        keyId,
        issuerId,
        privateKey: await readFile(file, "utf8"),
      },
    });
    show(CREATE_CREDENTIAL, added);
    expect(
      "Apple was asked, and accepts the key",
      at(added, "createCredential", "credential", "health", "status") === "WORKING",
    );
    return String(at(added, "createCredential", "credential", "id"));
  };
  step("Acme adds its team's key");
  const teamKey = await addKey("App Store", "app-store");
  step("and a key of the Enterprise Program");
  const enterpriseKey = await addKey("In-house", "enterprise");

  step("It shares the team's key with all, and the enterprise key with Web alone");
  const shared = await ask(stage.owner, SHARE, { input: { subjectId: teamKey, withAllSubOrganizations: true } });
  show(SHARE, shared);
  expect("the team's key is shared with all", at(shared, "share", "share", "withAllSubOrganizations") === true);
  const chosen = { subjectId: enterpriseKey, subOrganizationIds: [subOrganizations["Web"]], uses: ["VIEW", "SIGN"] };
  const sharedWithWeb = await ask(stage.owner, SHARE, { input: chosen });
  expect(
    "the enterprise key is shared with Web",
    JSON.stringify(at(sharedWithWeb, "share", "share", "subOrganizations", "nodes")) === '[{"name":"Web"}]',
  );

  const tokens: Record<string, string> = { "Acme, owner": stage.owner };
  for (const name of ["Web", "Mobile"]) {
    const permissions = ["CREDENTIALS_VIEW", "CREDENTIALS_MANAGE", "SIGNING_VIEW", "SIGNING_MANAGE", "PUBLISH_MANAGE"];
    const made = await ask(stage.owner, CREATE_TOKEN, {
      input: { tenantId: subOrganizations[name], name: "CI", permissions },
    });
    tokens[name] = String(at(made, "createAccessToken", "secret"));
  }
  const { Web: web = "", Mobile: mobile = "" } = tokens;

  step("Web asks with a token of its own: the keys, and what Apple holds through them");
  const seen = await ask(web, WHAT_WEB_SEES, { id: subOrganizations["Web"] });
  show(WHAT_WEB_SEES, seen);
  expect(
    "both keys are there, tagged ROOT",
    edges(seen).length === 2 && edges(seen).every(({ tag }) => tag === "ROOT"),
  );
  const apple = (key: number, list: string) =>
    at(seen, "subOrganization", "credentials", "edges", key, "node", "appStoreConnect", list, "nodes");
  expect(
    "certificates and profiles came from Apple",
    [0, 1].every((key) => count(apple(key, "certificates")) > 0 && count(apple(key, "provisioningProfiles")) > 0),
  );

  step("Mobile has only the key that is shared with all");
  const seenByMobile = await ask(mobile, NAMES, { id: subOrganizations["Mobile"] });
  show(NAMES, seenByMobile);
  expect(
    "it is the team's key",
    edges(seenByMobile)
      .map(({ node }) => node.name)
      .join() === "App Store",
  );

  step("Web tries to rename the key");
  const refused = await ask(web, RENAME, { input: { credentialId: teamKey, name: "Mine" } });
  show(RENAME, refused);
  expect("refused: SHARED_FROM_ROOT", refused.errors?.[0]?.extensions.code === "SHARED_FROM_ROOT");

  step("Acme renames it, and Web sees the new name at once");
  const renamed = await ask(stage.owner, RENAME, { input: { credentialId: teamKey, name: "App Store (all teams)" } });
  expect("the owner may", at(renamed, "updateCredential", "credential", "name") === "App Store (all teams)");
  const seenAfter = await ask(web, NAMES, { id: subOrganizations["Web"] });
  show(NAMES, seenAfter);
  expect("a share is a live reference", edges(seenAfter)[0]?.node.name === "App Store (all teams)");

  step("May Web publish with the enterprise key?");
  const explained = await ask(web, EXPLAIN, { tenantId: subOrganizations["Web"], subjectId: enterpriseKey });
  show(EXPLAIN, explained);
  expect("no, and the answer says why", at(explained, "explainAccess", "allowed") === false);

  return { failures, tokens };
}

/** A value deep in an answer; undefined where the answer does not reach so far. */
function at(answer: Answer, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<string | number, unknown> | null | undefined)?.[key],
    answer.data,
  );
}

const count = (list: unknown): number => (Array.isArray(list) ? list.length : 0);

function indented(text: string, first = "  "): string {
  return text
    .split("\n")
    .map((line, index) => (index === 0 ? first : "  ") + line)
    .join("\n");
}
