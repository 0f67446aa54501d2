import type { Context } from "../../../context.js";
import type { AppleProgram } from "../../../entities/credential.js";
import { isWithin } from "../../../entities/share.js";
import { CodedError, Refusal } from "../../../errors.js";
import type { CredentialRow } from "../../../loaders/credential.js";
import { authorizeAny, type Change } from "../../apple/change.js";
import type { Wish } from "./plan.js";
import { teamOf } from "../team.js";

/** Keys of a tenant that are looked at. */
const KEYS_MOST = 200;
/** Keys whose teams are asked whether they have the bundle identifiers. */
const ASKED_MOST = 5;

const programFor = (type: string): AppleProgram => (type.endsWith("_INHOUSE") ? "ENTERPRISE" : "APP_STORE");

/** The key that fits a wish: the tenant's own before those shared with it, and one whose team knows the bundle identifiers before others. */
export async function chooseKey(ctx: Context, tenantId: string, wish: Wish): Promise<Change> {
  const program = programFor(wish.type);
  const page = {
    key: tenantId,
    first: KEYS_MOST,
    after: null,
    filter: { search: null, program, shared: null, status: null },
  };
  const { rows } = await ctx.loaders.credentialsByTenant.load(page);
  const keys = rows.filter(({ keyType }) => keyType === "TEAM").sort((a, b) => rank(a, tenantId) - rank(b, tenantId));
  const authorized = await authorizeAny(
    ctx,
    tenantId,
    keys.map(({ id }) => id),
  );
  const usable = authorized
    .filter(({ key }) => wish.bundleIdentifiers.every((each) => isWithin(each, key.bundleIdentifiers)))
    .slice(0, ASKED_MOST);
  const [first, ...others] = usable;
  if (first === undefined) {
    const message = `No key of the ${program === "ENTERPRISE" ? "Enterprise" : "Developer"} Program may be used to sign this here: add one, or have one shared. explainAccess says why a key may not.`;
    throw new Refusal("NOT_FOUND", message, ["credentialId"]);
  }
  if (others.length === 0) return first;
  for (const change of usable) {
    const team = await teamOf(ctx, change, ["BUNDLE_IDS"]).catch((error: unknown) => {
      if (error instanceof CodedError) return null;
      throw error;
    });
    const known = new Set(team?.bundleIds.map(({ identifier }) => identifier));
    if (wish.bundleIdentifiers.every((identifier) => known.has(identifier))) return change;
  }
  return first;
}

/** Own keys first, and of each those that are known to work. */
function rank({ ownerId, healthStatus }: CredentialRow, tenantId: string): number {
  const health = healthStatus === "WORKING" ? 0 : healthStatus === "UNVERIFIED" ? 1 : 2;
  return (ownerId === tenantId ? 0 : 10) + health;
}
