// Ends shares at one server while keys are in use at two, and counts what Apple is asked after that was acknowledged.
// node dist/bench/unsharing.js [rounds]
import { setTimeout as delay } from "node:timers/promises";
import pLimit from "p-limit";
import { appleKey } from "../test/support/apple.js";
import globalSetup from "../test/support/global-setup.js";
import globalTeardown from "../test/support/global-teardown.js";
import { mutate } from "../test/support/mutation.js";
import { startProcess, type ServerProcess } from "../test/support/replica.js";
import { seed } from "../test/support/seed.js";
import { startTestServer } from "../test/support/server.js";

const rounds = Number(process.argv[2] ?? 1_000);
const AT_ONCE = 12;
/** More than the turns that a key has, so that some wait. */
const WRITERS = 6;
/** The share ends at a random instant of this. */
const WITHIN_MS = 400;
/** For so long after the acknowledgement the key is asked for, and calls are counted. */
const AFTER_MS = 700;
const PAUSE_MS = 40;

/** How a use ended: granted, refused as it has to be when the share is over, or otherwise. */
type Ended = "granted" | "refused" | "otherwise";

await globalSetup();
const server = await startTestServer();
server.sandbox.configure({ pageDelayMs: 40, perHour: 1_000_000 });
const servers = await Promise.all([startProcess(server), startProcess(server)]);
const acme = await seed(server);

// A key that is not shared is not there.
const isRefusal = (code: string): boolean => code === "FORBIDDEN" || code === "NOT_FOUND";

/** Registers a bundle id for a sub-organization: a question and a POST. */
async function register(at: ServerProcess, bearer: string, input: Record<string, unknown>): Promise<Ended> {
  const { refused, denied } = await mutate(at, bearer, "registerBundleId", "bundleId { appleId }", input);
  const code = denied ?? refused?.code ?? null;
  if (code === null) return "granted";
  return isRefusal(code) ? "refused" : "otherwise";
}

async function read(at: ServerProcess, bearer: string, id: string): Promise<Ended> {
  const { data, errors } = await at.ask<{
    credential: { appStoreConnect: { devices: { freshness: { stale: boolean } } | null } } | null;
  } | null>(
    bearer,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) { devices { freshness { stale } } } } }`,
    { id },
  );
  const freshness = data?.credential?.appStoreConnect.devices?.freshness;
  if (freshness !== undefined) return freshness.stale ? "otherwise" : "granted";
  return (errors ?? []).every(({ extensions }) => isRefusal(extensions.code)) ? "refused" : "otherwise";
}

async function round(n: number) {
  const key = await appleKey(server, acme);
  const sub = await acme.subOrganization(`Sub ${n}`);
  await acme.share(key.id, { subOrganizationIds: [sub] });
  const bearer = await acme.token(sub, ["CREDENTIALS_VIEW", "SIGNING_VIEW", "SIGNING_MANAGE"]);
  const counts = { grantedBefore: 0, refusedAfter: 0, grantedAfter: 0, otherwise: 0 };
  let acknowledgedAt = Infinity;
  let isOver = false;
  let named = 0;
  const inUse = async (use: () => Promise<Ended>): Promise<void> => {
    while (!isOver) {
      const begunAt = Date.now();
      const ended = await use().catch((): Ended => "otherwise");
      if (ended === "otherwise") counts.otherwise += 1;
      else if (ended === "refused") counts.refusedAfter += 1;
      else if (begunAt > acknowledgedAt) counts.grantedAfter += 1;
      else counts.grantedBefore += 1;
      if (ended !== "granted") await delay(PAUSE_MS * 5);
      await delay(Math.random() * PAUSE_MS);
    }
  };
  const [one, another] = n % 2 === 0 ? servers : ([servers[1], servers[0]] as const);
  const uses = [
    inUse(() => read(one, bearer, key.id)),
    ...Array.from({ length: WRITERS }, () =>
      inUse(() => {
        const identifier = `com.acme.n${n}.app${(named += 1)}`;
        return register(another, bearer, { tenantId: sub, credentialId: key.id, identifier, name: "App" });
      }),
    ),
  ];
  await delay(WITHIN_MS / 4 + Math.random() * WITHIN_MS);
  const askedAt = Date.now();
  const { payload } = await mutate(one, acme.owner, "unshare", "deletedId", { subjectId: key.id });
  acknowledgedAt = Date.now();
  if (payload === null) throw new Error("Unsharing failed");
  await delay(AFTER_MS);
  isOver = true;
  await Promise.all(uses);
  const times = key.calls().map((call) => Date.parse(call.at) - acknowledgedAt);
  return {
    ...counts,
    calls: times.length,
    violations: times.filter((ms) => ms > 0).length,
    latestMs: Math.max(...times),
    tookMs: acknowledgedAt - askedAt,
  };
}

try {
  const turns = pLimit(AT_ONCE);
  const begunAt = Date.now();
  const all = await Promise.all(Array.from({ length: rounds }, (_, n) => turns(round, n)));
  const sum = (name: "grantedBefore" | "refusedAfter" | "grantedAfter" | "otherwise" | "calls" | "violations") =>
    all.reduce((total, each) => total + each[name], 0);
  const took = all.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const violations = sum("violations");
  console.table({
    rounds,
    "uses that were granted, begun before the acknowledgement": sum("grantedBefore"),
    "uses that were refused": sum("refusedAfter"),
    "uses that ended otherwise": sum("otherwise"),
    "uses that were granted, begun after the acknowledgement": sum("grantedAfter"),
    "calls that Apple got": sum("calls"),
    "calls that Apple got after the acknowledgement": violations,
    "rounds with such a call": all.filter((each) => each.violations > 0).length,
    "latest call, ms after the acknowledgement": all.reduce(
      (latest, each) => Math.max(latest, each.latestMs),
      -Infinity,
    ),
    "ms until an unshare was acknowledged, median": took[Math.floor(took.length / 2)],
    "seconds in all": Math.round((Date.now() - begunAt) / 1000),
  });
  if (violations > 0 || sum("grantedAfter") > 0) process.exitCode = 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await Promise.all(servers.map((each) => each.end("SIGTERM")));
  await server.close();
  await globalTeardown();
}
