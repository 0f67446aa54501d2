import { importPKCS8, SignJWT } from "jose";
import { AUDIENCES } from "../../../src/sandbox/api/token.js";
import type { NewKey } from "../../../src/sandbox/team/key.js";
import type { Program } from "../../../src/sandbox/team/team.js";

/** How a token differs from a right one. A claim that is undefined is left out. */
export interface Twist {
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  /** Signs instead of the key's own. */
  privateKey?: string;
  program?: Program;
  /** Default: the time of the machine. */
  now?: Date;
}

/** A token as a well-behaved client signs it, with what the test twists. */
export async function tokenFor(key: NewKey, twist: Twist = {}): Promise<string> {
  const now = Math.floor((twist.now ?? new Date()).getTime() / 1_000);
  const claims = {
    ...(key.issuerId === null ? { sub: "user" } : { iss: key.issuerId }),
    iat: now - 60,
    exp: now + 600,
    aud: AUDIENCES[twist.program ?? "app-store"],
    ...twist.claims,
  };
  const header = { alg: "ES256", kid: key.keyId, typ: "JWT", ...twist.header };
  const privateKey = await importPKCS8(twist.privateKey ?? key.privateKey, header.alg);
  return new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
}

/** A resource as tests read it. */
export interface Shown {
  type: string;
  id: string;
  attributes: Record<string, string | null>;
  relationships?: Record<string, { data?: Shown | Shown[]; meta?: { paging: { total: number; limit: number } } }>;
}

/** A document of many resources, or of errors. */
export interface Document {
  data: Shown[];
  included?: Shown[];
  links: { self: string; next?: string };
  meta: { paging: { total: number; limit: number } };
  errors: { id?: string; status: string; code: string; detail: string; source?: { parameter?: string } }[];
}

/** What came back. */
export interface Reply<Body = Document> {
  status: number;
  headers: Headers;
  body: Body;
}

/** Calls the sandbox as an owner of a key does. `path` may be a whole address, such as `links.next`. */
export async function call<Body = Document>(
  origin: string,
  key: NewKey,
  path: string,
  twist?: Twist,
  method = "GET",
): Promise<Reply<Body>> {
  return callWith<Body>(origin, `Bearer ${await tokenFor(key, twist)}`, path, method);
}

/** Calls the sandbox with any Authorization header, or without one. */
export async function callWith<Body = Document>(
  origin: string,
  authorization: string | undefined,
  path: string,
  method = "GET",
): Promise<Reply<Body>> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const response = await fetch(new URL(path, origin), { method, headers, redirect: "manual" });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

/** A document of one resource, or of errors. */
export interface Single {
  data: Shown;
  links: { self: string };
  errors: { id?: string; status: string; code: string; detail: string; source?: { pointer?: string } }[];
}

/** Sends a body as JSON, a text as it is, or nothing. Where nothing comes back the body is an empty text. */
export async function send<Body = Single>(
  origin: string,
  key: NewKey,
  method: string,
  path: string,
  body?: unknown,
  twist: Twist & { contentType?: string } = {},
): Promise<Reply<Body>> {
  const headers: Record<string, string> = { authorization: `Bearer ${await tokenFor(key, twist)}` };
  if (body !== undefined) headers["content-type"] = twist.contentType ?? "application/json";
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(new URL(path, origin), { method, headers, ...(body !== undefined && { body: text }) });
  const answer = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(answer) : answer) as Body };
}

/** Where a relationship leads: to one thing, or to a list of them. */
export type Links = Record<string, readonly [type: string, id: string | readonly string[]]>;

/** A body as Apple writes it. Without an id it makes something. */
export function entity(type: string, attributes: Record<string, unknown>, links?: Links, id?: string) {
  const relationships = Object.entries(links ?? {}).map(([name, [to, ids]]) => {
    const data = typeof ids === "string" ? { type: to, id: ids } : ids.map((one) => ({ type: to, id: one }));
    return [name, { data }];
  });
  return {
    data: {
      type,
      ...(id !== undefined && { id }),
      attributes,
      ...(links && { relationships: Object.fromEntries(relationships) as Record<string, unknown> }),
    },
  };
}

/** The names of what a document shows, in its order. */
export function names(reply: Reply): (string | null | undefined)[] {
  return reply.body.data.map(({ attributes }) => attributes["name"]);
}
