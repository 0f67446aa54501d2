import "reflect-metadata";
import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
} from "graphql";
import { getMetadataStorage } from "type-graphql";
import { getMetadataArgsStorage } from "typeorm";
import { makeSchema, printSdl } from "../src/schema.js";

/** The SDL that this project agreed on, beside the project where it is developed; elsewhere it is not at hand. */
const CONTRACT = "../shared/design/schema.graphql";

/** What is served today: of the contract's operations, those of tenancy, keys and sharing, and of what is kept. */
const QUERIES = [
  ...["viewer", "node", "nodes", "organization", "subOrganization", "credential", "share", "explainAccess"],
  ...["certificate", "provisioningProfile"],
];
const MUTATIONS = [
  ...["updateOrganization", "createSubOrganization", "updateSubOrganization", "deleteSubOrganization"],
  ...["addMember", "updateMember", "removeMember", "createAccessToken", "revokeAccessToken"],
  ...["createCredential", "updateCredential", "rotateCredential", "verifyCredential", "deleteCredential"],
  ...["share", "unshare", "registerBundleId", "registerDevices", "updateDevice"],
  ...["createCertificate", "createSigningRequest", "completeSigningRequest", "uploadCertificate", "renewCertificate"],
  ...["revokeCertificate", "deleteCertificate", "downloadCertificate"],
  ...["createProvisioningProfile", "keepProvisioningProfiles", "uploadProvisioningProfiles"],
  ...["renewProvisioningProfile", "deleteProvisioningProfiles", "downloadProvisioningProfile", "prepareSigning"],
];

/** What a name of something secret looks like, and what its description says. */
const SECRET_NAME = /private|secret|sealed|hash|passw|p8|pem|pkcs|cipher|wrapped|apiKey|jwt|bearer/i;
const SECRET_DESCRIPTION = /private key|secret|sealed|hash|password|\.p8|PKCS|the token itself/i;
/** Fields that match, and what they answer. */
const NOT_SECRET: Readonly<Record<string, string>> = {
  "CreateAccessTokenPayload.secret": "the new token, shown this once",
  "AccessToken.preview": "first characters; its description says where the token itself is",
  "AppleCertificate.keptAs": "the tenant's certificate; its description says what the tenant keeps with it",
  "Certificate.hasPrivateKey": "whether there is one",
  "AuditEvent.details": "says that it never holds one",
  "AuditEvent.hash": "of an entry of the log",
  "SigningRequest.csrPem": "a request holds the public key alone",
  "CertificateDownload.pkcs12": "a certificate with its private key, which leaves in this way alone",
  "CertificateDownload.password": "that of the file beside it",
  "SigningKit.download": "the same file, for a build",
  "Mutation.completeSigningRequest": "a payload; its description says what is kept",
  "Mutation.createCertificate": "a payload; its description says where the private key is made",
  "Mutation.createSigningRequest": "a payload; its description says where the private key stays",
  "Mutation.deleteCertificate": "a payload; its description says what is deleted",
  "Mutation.downloadCertificate": "a payload; its description says what is handed out",
  "Mutation.uploadCertificate": "a payload; its description says what is kept",
  "Mutation.createAccessToken": "a payload; its description says that the secret is in it",
  "Mutation.rotateCredential": "a payload; its description says what was put in",
};

/** One definition of a schema, as a line: what it is called and everything that is agreed on about it. */
function definitionsOf(schema: GraphQLSchema): Map<string, string> {
  const lines = new Map<string, string>();
  const shapeOf = ({ type, defaultValue }: GraphQLArgument | GraphQLInputField): string =>
    `${String(type)}${defaultValue === undefined ? "" : ` = ${JSON.stringify(defaultValue)}`}`;
  for (const type of typesOf(schema)) {
    lines.set(type.name, type.constructor.name);
    if (isEnumType(type)) for (const { name } of type.getValues()) lines.set(`${type.name}.${name}`, "");
    if (isUnionType(type)) for (const { name } of type.getTypes()) lines.set(`${type.name} | ${name}`, "");
    if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) lines.set(`${type.name}.${field.name}`, shapeOf(field));
    }
    if (isObjectType(type) || isInterfaceType(type)) {
      for (const { name } of type.getInterfaces()) lines.set(`${type.name} implements ${name}`, "");
      for (const field of Object.values(type.getFields())) {
        lines.set(`${type.name}.${field.name}`, String(field.type));
        for (const arg of field.args) lines.set(`${type.name}.${field.name}(${arg.name}:)`, shapeOf(arg));
      }
    }
  }
  return lines;
}

const typesOf = (schema: GraphQLSchema): GraphQLNamedType[] =>
  Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type));

type Described = readonly [path: string, description: string | null | undefined];

/** Everything of a schema that can be described, by its path. */
function describedIn(schema: GraphQLSchema): Described[] {
  return typesOf(schema).flatMap((type) => {
    const found: Described[] = [[type.name, type.description]];
    if (isEnumType(type))
      for (const value of type.getValues()) found.push([`${type.name}.${value.name}`, value.description]);
    if (isInputObjectType(type) || isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values<GraphQLInputField | GraphQLField<unknown, unknown>>(type.getFields())) {
        found.push([`${type.name}.${field.name}`, field.description]);
        for (const arg of "args" in field ? field.args : [])
          found.push([`${type.name}.${field.name}(${arg.name}:)`, arg.description]);
      }
    }
    return found;
  });
}

/** What can be asked for, with its description: fields of objects and interfaces. */
const answeredFields = (schema: GraphQLSchema) =>
  typesOf(schema)
    .filter((type) => isObjectType(type) || isInterfaceType(type))
    .flatMap((type) => Object.values(type.getFields()).map((field) => ({ path: `${type.name}.${field.name}`, field })));

let schema: GraphQLSchema;
let emitted: string;
beforeAll(async () => {
  schema = await makeSchema();
  emitted = printSdl(schema);
});

describe("the emitted schema", () => {
  test("is what schema/schema.graphql holds", () => {
    const isCurrent = readFileSync("schema/schema.graphql", "utf8") === emitted;
    expect(isCurrent ? "current" : "stale: run npm run schema").toBe("current");
  });

  test("describes every type, field, argument, enum value and input field", () => {
    const described = describedIn(schema);
    expect(described.length).toBeGreaterThan(400);
    expect(described.filter(([, text]) => !text?.trim()).map(([path]) => path)).toEqual([]);
  });

  test("describes in sentences", () => {
    const described = describedIn(schema).filter(([path]) => path !== "DateTime"); // graphql-scalars wrote that one.
    expect(described.filter(([, text]) => !/[.!]$/.test(text?.trim() ?? "")).map(([path]) => path)).toEqual([]);
  });
});

describe("what the schema can answer", () => {
  test("holds no secret but a new token and a .p12 file that is handed out", () => {
    const suspicious = answeredFields(schema)
      .filter(({ field }) => SECRET_NAME.test(field.name) || SECRET_DESCRIPTION.test(field.description ?? ""))
      .map(({ path }) => path);
    expect(suspicious.sort()).toEqual(Object.keys(NOT_SECRET).sort());
  });

  test("has no scalar in which bytes or anything else could pass", () => {
    expect(typesOf(schema).filter(isScalarType).map(String)).toEqual(["DateTime"]);
  });

  test("has no field for a column that is not selected by itself", () => {
    const columns = getMetadataArgsStorage().columns.filter((column) => column.options.select === false);
    expect(columns.map((column) => column.propertyName)).toEqual(expect.arrayContaining(["sealedKey", "tokenHash"]));
    const names = new Set(columns.map((column) => column.propertyName));
    const fields = answeredFields(schema).filter(({ field }) => names.has(field.name));
    // The file of a profile, which is no secret and leaves in this way alone.
    expect(fields.map(({ path }) => path)).toEqual(["ProvisioningProfileDownload.content"]);
  });

  test("has no type with a column of bytes that is selected by itself", () => {
    const objectTypes = new Set<unknown>(getMetadataStorage().objectTypes.map((type) => type.target));
    const bytes = getMetadataArgsStorage().columns.filter((column) => column.options.type === "bytea");
    expect(bytes.length).toBeGreaterThan(1);
    expect(bytes.filter((column) => objectTypes.has(column.target) && column.options.select !== false)).toEqual([]);
  });
});

(existsSync(CONTRACT) ? describe : describe.skip)("the contract", () => {
  const contract = existsSync(CONTRACT) ? definitionsOf(buildSchema(readFileSync(CONTRACT, "utf8"))) : new Map();

  test("has every definition of ours, as we have it", () => {
    // What changed at Apple is beyond the contract.
    const isBeyond = (path: string): boolean => /^(DriftEvent|DriftKind|Credential\.driftEvents)/.test(path);
    const differing = [...definitionsOf(schema)].filter(
      ([path, shape]) => contract.get(path) !== shape && !isBeyond(path),
    );
    // A fault of the server has a code too, and a database that is away; the contract has none for them.
    expect(differing.map(([path, shape]) => `${path}: ${shape}`)).toEqual([
      "ErrorCode.UNAVAILABLE: ",
      "ErrorCode.INTERNAL: ",
    ]);
  });
});

describe("what is served", () => {
  test.each(QUERIES)("the query %s", (name) => {
    expect(schema.getQueryType()?.getFields()).toHaveProperty(name);
  });

  test.each(MUTATIONS)("the mutation %s, with one input and one payload", (name) => {
    const field = schema.getMutationType()?.getFields()[name];
    const typeName = name.replace(/^./, (letter) => letter.toUpperCase());
    expect(field?.args.map((arg) => `${arg.name}: ${String(arg.type)}`)).toEqual([`input: ${typeName}Input!`]);
    expect(String(field?.type)).toBe(`${typeName}Payload!`);
  });

  test("every payload says why it was refused", () => {
    const payloads = typesOf(schema).filter((type) => isObjectType(type) && type.name.endsWith("Payload"));
    expect(payloads.length).toBeGreaterThanOrEqual(MUTATIONS.length);
    const silent = payloads.filter(
      (type) => !isObjectType(type) || String(type.getFields()["userErrors"]?.type) !== "[UserError!]!",
    );
    expect(silent).toEqual([]);
  });
});
