import type { Failures } from "../failure.js";
import type { Journal } from "../journal.js";
import type { Settings } from "../settings.js";
import type { KeyRing, KnownKey } from "../team/key.js";
import type { Program } from "../team/team.js";
import { AppleError, forbidden, rateLimited, type Answer } from "./answer.js";
import { catalogueOf } from "./catalogue.js";
import type { RateLimit } from "./rate-limit.js";
import { findRoute, routesOf } from "./route.js";
import { spoil, type Fate } from "./spoil.js";
import { authenticate, bearerOf, claimOf } from "./token.js";

/** What one sandbox knows and counts. */
export interface World {
  keys: KeyRing;
  failures: Failures;
  journal: Journal;
  rateLimit: RateLimit;
  settings: Settings;
  clock: () => Date;
}

/** A call of Apple's API, as it came in. */
interface Call {
  method: string;
  url: URL;
  authorization: string | undefined;
  /** The programs of the host that was called. */
  serves: readonly Program[];
}

/** Roles whose keys may use certificates, identifiers, devices and profiles. */
const PROVISIONING_ROLES: readonly string[] = ["ADMIN", "ACCOUNT_HOLDER", "APP_MANAGER", "DEVELOPER"];

const ROUTES = { "app-store": routesOf("app-store"), enterprise: routesOf("enterprise") };

/** Takes a call from start to end: noted, authenticated, counted, answered, and spoiled where that was planned. */
export async function take(call: Call, world: World): Promise<Fate> {
  const { method, url } = call;
  const now = world.clock();
  const token = bearerOf(call.authorization);
  const claim = claimOf(token);
  const seen = { method, path: url.pathname, keyId: claim.keyId, program: claim.program };
  const entry = world.journal.add({ at: now.toISOString(), query: url.search.slice(1), ...seen }, token);
  const failure = world.failures.take(seen);

  const truth = await answer(call, token, world);
  const teamId = world.keys.find(claim.keyId ?? "")?.team.id ?? "unknown";
  const catalogue = catalogueOf(claim.program ?? "app-store");
  const fate: Fate = failure
    ? spoil(failure, truth, { url, teamId, catalogue, now })
    : { answer: truth, delayMs: 0, cut: false };
  if (typeof fate === "object") entry.status = fate.answer.status;
  return fate;
}

async function answer(call: Call, token: string | undefined, world: World): Promise<Answer> {
  let key: KnownKey | undefined;
  let found: Answer;
  try {
    key = await authenticate(token, world.keys, call.serves, world.clock(), call);
    if (!world.rateLimit.spend(key.id)) throw rateLimited();
    found = await answerFor(key, call);
  } catch (error) {
    if (!(error instanceof AppleError)) throw error;
    found = error.toAnswer();
  }
  const budget = key && world.rateLimit.header(key.id);
  if (budget !== undefined) found.headers["x-rate-limit"] = budget;
  return found;
}

async function answerFor({ type, role, team }: KnownKey, { method, url }: Call): Promise<Answer> {
  const { route, id } = findRoute(ROUTES[team.program], method, url.pathname);
  if (route.provisioning && (type === "individual" || !PROVISIONING_ROLES.includes(role))) throw forbidden();
  return route.answer({ team, catalogue: catalogueOf(team.program), url }, id);
}
