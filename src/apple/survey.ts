import { CHECKED_BY, outcomeOf, probe, type CheckOutcome, type CheckStatus } from "./check.js";
import type { AppleClient } from "./client.js";
import { TokenCache } from "./signer.js";
import type { SigningKey } from "./token.js";

/** What keys are for, each with the list that one row is asked of. */
const PATHS = {
  CERTIFICATES: "/v1/certificates",
  PROFILES: "/v1/profiles",
  BUNDLE_IDS: "/v1/bundleIds",
  DEVICES: "/v1/devices",
  APPS: "/v1/apps",
} as const;
export type Resource = keyof typeof PATHS;

/** What Apple lets a key do with one of the things it is for. */
export interface ResourceOutcome extends CheckOutcome {
  readonly resource: Resource;
}

/** What came of asking for everything that a key is for. */
export interface Survey extends CheckOutcome {
  /** By how much Apple's clock is ahead of ours, where it refused the key; null where it did not or did not say. */
  readonly clockSkewSeconds: number | null;
  /** Empty where Apple does not know the key, or could not be asked. */
  readonly resources: readonly ResourceOutcome[];
}

/** Statuses of a key that Apple knows: there may be things that it allows. */
const KNOWN: readonly CheckStatus[] = ["WORKING", "ROLE_TOO_NARROW", "AGREEMENT_MISSING"];

/** The things a key is for: nothing is published in the Enterprise Program, and one person's key provisions nothing. */
function resourcesOf({ program, keyType }: SigningKey): readonly Resource[] {
  if (keyType === "INDIVIDUAL") return ["APPS"];
  const provisioning = ["CERTIFICATES", "PROFILES", "BUNDLE_IDS", "DEVICES"] as const;
  return program === "ENTERPRISE" ? provisioning : [...provisioning, "APPS"];
}

/** Checks a key as `check` does, and asks for one row of everything that it is for. Each request has the client's deadline. */
export async function survey(client: AppleClient, key: SigningKey): Promise<Survey> {
  const tokens = new TokenCache();
  const error = await probe(client, key, CHECKED_BY[key.keyType], tokens);
  const outcome = await outcomeOf(client, key, error);
  const found = { ...outcome, clockSkewSeconds: error?.clockSkewSeconds ?? null };
  if (!KNOWN.includes(outcome.status)) return { ...found, resources: [] };
  const resources = resourcesOf(key).map(async (resource) => {
    if (PATHS[resource] === CHECKED_BY[key.keyType]) return { resource, ...outcome };
    return { resource, ...(await outcomeOf(client, key, await probe(client, key, PATHS[resource], tokens))) };
  });
  return { ...found, resources: await Promise.all(resources) };
}
