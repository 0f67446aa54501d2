import { isCarriedOut, type Failures } from "../failure.js";
import type { Journal } from "../journal.js";
import type { Settings } from "../settings.js";
import { Edit, type History } from "../team/history.js";
import type { KeyRing, KnownKey } from "../team/key.js";
import type { Program } from "../team/team.js";
import { writesOf } from "../write/route.js";
import { AppleError, forbidden, rateLimited, type Answer } from "./answer.js";
import { catalogueOf } from "./catalogue.js";
import type { RateLimit } from "./rate-limit.js";
import { findRoute, readsOf } from "./route.js";
import { spoil, type Fate } from "./spoil.js";
import { authenticate, bearerOf, claimOf } from "./token.js";

/** What one sandbox knows and counts. */
export interface World {
  keys: KeyRing;
  failures: Failures;
  journal: Journal;
  history: History;
  rateLimit: RateLimit;
  settings: Settings;
  clock: () => Date;
}

/** A call of Apple's API, as it came in. */
interface Call {
  method: string;
  url: URL;
  authorization: string | undefined;
  contentType: string | undefined;
  /** Empty where there was none. */
  body: Buffer;
  /** The programs of the host that was called. */
  serves: readonly Program[];
}

/** Roles whose keys may use certificates, identifiers, devices and profiles. */
const PROVISIONING_ROLES: readonly string[] = ["ADMIN", "ACCOUNT_HOLDER", "APP_MANAGER", "DEVELOPER"];

const routesOf = (program: Program) => [...readsOf(program), ...writesOf(program)];
const ROUTES = { "app-store": routesOf("app-store"), enterprise: routesOf("enterprise") };

/** What is made of the answer of a call that is not carried out: a failure, always. */
const NOT_CARRIED_OUT = { status: 200, body: "" };

/** Takes a call from start to end: noted, authenticated, counted, carried out, answered, and spoiled where that was planned. */
export async function take(call: Call, world: World): Promise<Fate> {
  const { method, url } = call;
  const now = world.clock();
  const token = bearerOf(call.authorization);
  const claim = claimOf(token);
  const query = url.search.slice(1);
  const seen = { method, path: url.pathname, query, keyId: claim.keyId, program: claim.program };
  const entry = world.journal.add({ at: now.toISOString(), ...seen }, token);
  const failure = world.failures.take(seen);

  const { truth, acted } = await answer(call, token, world, failure === undefined || isCarriedOut(failure));
  entry.acted = acted;
  const teamId = world.keys.find(claim.keyId ?? "")?.team.id ?? "unknown";
  const catalogue = catalogueOf(claim.program ?? "app-store");
  const fate: Fate = failure
    ? spoil(failure, truth, { url, teamId, catalogue, now })
    : { answer: truth, delayMs: 0, pace: "whole" };
  if (typeof fate === "object") entry.status = fate.answer.status;
  return fate;
}

async function answer(call: Call, token: string | undefined, world: World, carryOut: boolean) {
  let key: KnownKey | undefined;
  let edit: Edit | undefined;
  let truth: Answer;
  try {
    key = await authenticate(token, world.keys, call.serves, world.clock(), call);
    if (!world.rateLimit.spend(key.id)) throw rateLimited();
    edit = new Edit(key.team, world.history, world.clock());
    truth = carryOut ? await answerFor(key, call, edit, world) : { ...NOT_CARRIED_OUT, headers: {} };
  } catch (error) {
    if (!(error instanceof AppleError)) throw error;
    truth = error.toAnswer();
  }
  const budget = key && world.rateLimit.header(key.id);
  if (budget !== undefined) truth.headers["x-rate-limit"] = budget;
  return { truth, acted: edit?.acted ?? false };
}

async function answerFor({ type, role, team }: KnownKey, call: Call, edit: Edit, world: World): Promise<Answer> {
  const { url, contentType, body } = call;
  const { settings, history } = world;
  const { route, id } = findRoute(ROUTES[team.program], call.method, url.pathname);
  if (route.provisioning && (type === "individual" || !PROVISIONING_ROLES.includes(role))) throw forbidden();
  const now = world.clock();
  const listed = (listedType: Parameters<History["before"]>[3]) =>
    history.before(settings.listLagMs, now, team, listedType);
  const catalogue = catalogueOf(team.program);
  return route.answer({ team, catalogue, url, role, contentType, body, now, settings, edit, listed }, id);
}
