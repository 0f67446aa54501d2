import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import type { Program } from "../../../src/sandbox/team/team.js";
import { call, callWith, tokenFor } from "./caller.js";
import { comparable, fixture, hasSpecification, Specification, type Parameter } from "./specification.js";

if (!hasSpecification) {
  console.warn("Apple's specification is not at ../shared/apple: the conformity of the sandbox is not tested.");
}
const whereSpecified = hasSpecification ? describe : describe.skip;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ limits: { perHour: 1_000_000 } });
});
afterAll(() => sandbox.close());

const RELATED = [
  "/v1/profiles/{id}/bundleId",
  "/v1/profiles/{id}/certificates",
  "/v1/profiles/{id}/devices",
  "/v1/bundleIds/{id}/profiles",
  "/v1/bundleIds/{id}/bundleIdCapabilities",
];
const COLLECTIONS = ["/v1/certificates", "/v1/profiles", "/v1/bundleIds", "/v1/devices"];
const ENTERPRISE = [...COLLECTIONS, ...COLLECTIONS.map((path) => `${path}/{id}`), ...RELATED];
const APP_STORE = [
  ...ENTERPRISE,
  "/v1/bundleIds/{id}/app",
  ...[...RELATED, "/v1/bundleIds/{id}/app"].map((path) => path.replace("{id}/", "{id}/relationships/")),
];
const ROUTES: [Program, string][] = [
  ...APP_STORE.map((path): [Program, string] => ["app-store", path]),
  ...ENTERPRISE.map((path): [Program, string] => ["enterprise", path]),
];

/** Declared by the specification and refused by live Apple: facts.md, §5 and the comments of the sandbox's tables. */
function isRefusedByApple(path: string, { name }: Parameter, value: string): boolean {
  const unfiltered = name === "filter[certificateType]" && /_G2$/.test(value);
  return unfiltered || (path === "/v1/bundleIds/{id}/bundleIdCapabilities" && name === "limit");
}

/** Every value of a list, one by one and together; the least and the most of a number; any text. */
function valuesOf({ schema }: Parameter): string[] {
  const values = schema.items?.enum;
  if (values) return [...values, values.filter((value) => !/_G2$/.test(value)).join(",")];
  return schema.type === "integer" ? ["1", String(schema.maximum)] : ["anything", "several,things"];
}

/** A way to ask a path of a new team: one token does for all its parameters. */
async function asker(program: Program, path: string) {
  const key = await sandbox.registerKey({ program });
  const authorization = `Bearer ${await tokenFor(key, { program })}`;
  const team = sandbox.team(key.teamId);
  // Contents take time to make, and have tests of their own.
  for (const { attributes } of team.certificates) attributes.certificateContent = "AAAA";
  for (const { attributes } of team.profiles) attributes.profileContent = "AAAA";
  // The second profile has devices; the first bundle id has an app.
  const ids: Record<string, string | undefined> = {
    certificates: team.certificates[0]?.id,
    profiles: team.profiles[1]?.id,
    bundleIds: team.bundleIds[0]?.id,
    devices: team.devices[0]?.id,
  };
  const actual = path.replace("{id}", ids[path.split("/")[2] ?? ""] ?? "");
  return (name?: string, value = "") => {
    const search = name === undefined ? "" : `?${new URLSearchParams([[name, value]]).toString()}`;
    return callWith(sandbox.url, authorization, actual + search);
  };
}

const specifications = new Map<Program, Specification>();

/** The specification of a program, read once. */
function specificationOf(program: Program): Specification {
  const specification = specifications.get(program) ?? new Specification(program);
  specifications.set(program, specification);
  return specification;
}

whereSpecified("a route takes what its specification declares, and nothing else", () => {
  test.each(ROUTES)("%s %s", async (program, path) => {
    const specification = specificationOf(program);
    const ask = await asker(program, path);
    const declared = specification.parameters(path);
    const others = [...COLLECTIONS, ...RELATED].flatMap((other) => specification.parameters(other));
    const undeclared = new Map(others.map((parameter) => [parameter.name, valuesOf(parameter)[0] ?? ""]));
    for (const { name } of declared) undeclared.delete(name);

    for (const parameter of declared) {
      const { name, schema } = parameter;
      for (const value of valuesOf(parameter)) {
        const wanted = isRefusedByApple(path, parameter, value) ? 400 : 200;
        expect({ name, value, status: (await ask(name, value)).status }).toEqual({ name, value, status: wanted });
      }
      if (schema.items?.enum ?? schema.maximum) {
        expect({ name, status: (await ask(name, "201")).status }).toEqual({ name, status: 400 });
      }
    }
    const foreign = [...undeclared, ["page", "1"], ["fields[builds]", "version"], ["exists[app]", "true"]] as const;
    for (const [name, value] of foreign) {
      expect({ name, status: (await ask(name, value)).status }).toEqual({ name, status: 400 });
    }
  });
});

whereSpecified("an answer fits its specification", () => {
  test.each(ROUTES)("%s %s", async (program, path) => {
    const specification = specificationOf(program);
    const ask = await asker(program, path);
    const include = specification.parameters(path).find(({ name }) => name === "include");
    const everything = include?.schema.items?.enum?.join(",");
    const validate = specification.validator(path, 200);

    for (const { status, body } of [await ask(), ...(everything ? [await ask("include", everything)] : [])]) {
      expect(status).toBe(200);
      validate(body);
      expect(validate.errors ?? []).toEqual([]);
      // The check is none if it lets anything through.
      const strange = JSON.parse(JSON.stringify(body).replace(/"(name|capabilityType)":/, '"strange":')) as unknown;
      expect(validate({ ...body, data: "nothing" })).toBe(false);
      expect(path.includes("/relationships/") || !validate(strange)).toBe(true);
    }
  });

  test("when it is an error, too", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const validate = specificationOf("app-store").validator("/v1/devices/{id}", 404);
    const { status, body } = await call(sandbox.url, key, "/v1/devices/NOBODY0000");

    expect(status).toBe(404);
    validate(body);
    expect(validate.errors ?? []).toEqual([]);
  });
});

whereSpecified("apps, of which the sandbox has less than Apple,", () => {
  test("take nothing that Apple does not declare, and fit the specification", async () => {
    const specification = specificationOf("app-store");
    const ask = await asker("app-store", "/v1/apps");
    const taken: string[] = [];
    for (const parameter of specification.parameters("/v1/apps")) {
      const statuses = await Promise.all(
        valuesOf(parameter).map(async (value) => (await ask(parameter.name, value)).status),
      );
      if (statuses.every((status) => status === 200)) taken.push(parameter.name);
    }
    const validate = specification.validator("/v1/apps", 200);
    validate((await ask()).body);

    expect(validate.errors ?? []).toEqual([]);
    expect(new Set(taken)).toEqual(
      new Set(["fields[apps]", "filter[bundleId]", "filter[id]", "filter[name]", "filter[sku]", "limit", "sort"]),
    );
  });
});

whereSpecified("an error is, word for word, what Apple answered", () => {
  test.each([
    ["400-parameter-duplicate", "/v1/bundleIds?sort=name&sort=id"],
    ["400-parameter-invalid-filter-name", "/v1/devices?filter[emaill]=x"],
    [
      "400-parameter-invalid-filter-value",
      "/v1/certificates?filter[certificateType]=DISTRIBUTION,DEVELOPER_ID_APPLICATION_G2",
    ],
    ["404-not-found", "/v1/bundleIds/NLRN94JD591"],
  ])("%s", async (name, path) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    expect(comparable((await call(sandbox.url, key, path)).body)).toEqual(comparable(fixture(`errors/${name}.json`)));
  });

  test("400-cursor-invalid", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    const { body } = await call(sandbox.url, key, "/v1/devices?cursor=stale");
    // Apple refused a cursor that it had just given; the sandbox refuses only what is none.
    const said = JSON.parse(JSON.stringify(body).replaceAll("stale", "eyJvZmZzZXQiOiIyMCJ9")) as unknown;
    expect(comparable(said)).toEqual(comparable(fixture("errors/400-cursor-invalid.json")));
  });

  test.each([
    ["401", "401-not-authorized"],
    ["403-role", "403-api-key-role"],
    ["403-agreement", "403-required-agreements"],
    ["403-membership", "403-membership-inactive"],
    ["429", "429-rate-limit"],
    ["500", "500-unexpected"],
  ] as const)("planned as %s: %s", async (kind, name) => {
    const key = await sandbox.registerKey({ program: "app-store" });
    sandbox.failNext({ match: { keyId: key.keyId }, failure: { kind } });
    const { body } = await call(sandbox.url, key, "/v1/devices");
    expect(comparable(body)).toEqual(comparable(fixture(`errors/${name}.json`)));
  });

  test("401 and 403 without a plan", async () => {
    const key = await sandbox.registerKey({ program: "app-store", role: "SALES" });
    const denied = await call(sandbox.url, key, "/v1/devices");
    const refused = await call(sandbox.url, key, "/v1/devices", { claims: { iss: "someone" } });

    expect(comparable(denied.body)).toEqual(comparable(fixture("errors/403-api-key-role.json")));
    expect(comparable(refused.body)).toEqual(comparable(fixture("errors/401-not-authorized.json")));
  });
});
