import type { Permission } from "../entities/access-token.js";
import type { AppleKeyType, AppleProgram } from "../entities/credential.js";
import type { Role } from "../entities/member.js";
import type { ShareUse } from "../entities/share.js";

/** What decides whether a tenant may use a key. */
export interface Circumstances {
  readonly tenant: { readonly name: string; readonly id: string };
  readonly owner: { readonly name: string; readonly id: string };
  readonly key: { readonly rootId: string; readonly program: AppleProgram; readonly keyType: AppleKeyType };
  /** The share of the key, whomever it reaches; null where it is not shared or the share is not to be known of. */
  readonly share: {
    readonly id: string;
    readonly uses: readonly ShareUse[];
    readonly bundleIdentifiers: readonly string[];
    readonly expiresAt: Date | null;
    readonly reaches: boolean;
  } | null;
  readonly use: ShareUse;
  readonly bundleIdentifier: string | null;
  /** Whether the bundle identifier is within the share's patterns. */
  readonly bundleIdentifierIsWithin: boolean;
  readonly viewer: {
    readonly label: string;
    readonly roles: readonly Role[];
    readonly may: (permission: Permission) => boolean;
  };
}

/** The permission that each use of a key takes. */
export const PERMISSION_FOR_USE = {
  VIEW: "SIGNING_VIEW",
  SIGN: "SIGNING_MANAGE",
  PUBLISH: "PUBLISH_MANAGE",
} as const satisfies Record<ShareUse, Permission>;

/** One step of the decision: whether it allows, and why, by name. */
interface Step {
  readonly allows: boolean;
  readonly reason: string;
}

/** Whether a tenant may use a key, and every grant, role, term and limit that has a say, in the order they are asked. */
export function explain(circumstances: Circumstances): { allowed: boolean; reasons: string[] } {
  const steps = [...grantSteps(circumstances), ...limitSteps(circumstances), roleStep(circumstances)];
  // Where it is refused, only what refuses it is of interest.
  const refusals = steps.filter((step) => !step.allows);
  const decisive = refusals.length > 0 ? refusals : steps;
  return { allowed: refusals.length === 0, reasons: decisive.map((step) => step.reason) };
}

/** The grant: the tenant's own key, or a share with its terms. */
function grantSteps({
  tenant,
  owner,
  key,
  share,
  use,
  bundleIdentifier,
  bundleIdentifierIsWithin,
}: Circumstances): Step[] {
  if (owner.id === tenant.id) return [{ allows: true, reason: `Grant: "${tenant.name}" owns the key.` }];
  if (tenant.id === key.rootId) {
    return [{ allows: true, reason: `Grant: "${owner.name}" owns the key, and belongs to "${tenant.name}".` }];
  }
  if (share === null)
    return [
      { allows: false, reason: `Grant: "${owner.name}" owns the key and does not share it with "${tenant.name}".` },
    ];
  const grant = `share ${share.id}`;
  const steps: Step[] = [
    share.reaches
      ? { allows: true, reason: `Grant: "${owner.name}" shares the key with "${tenant.name}" (${grant}).` }
      : { allows: false, reason: `Grant: "${owner.name}" shares the key, but not with "${tenant.name}" (${grant}).` },
  ];
  if (share.expiresAt !== null) {
    const over = share.expiresAt <= new Date();
    const when = share.expiresAt.toISOString();
    steps.push({ allows: !over, reason: `Term expiresAt: the ${grant} ${over ? "ended" : "ends"} at ${when}.` });
  }
  const uses = share.uses.join(", ");
  steps.push({ allows: share.uses.includes(use), reason: `Term uses: the ${grant} allows ${uses}.` });
  if (bundleIdentifier !== null && share.bundleIdentifiers.length > 0) {
    const patterns = share.bundleIdentifiers.join(", ");
    steps.push({
      allows: bundleIdentifierIsWithin,
      reason: `Term bundleIdentifiers: the ${grant} is for ${patterns}.`,
    });
  }
  return steps;
}

/** The limits that Apple sets to a kind of key, whoever uses it. */
function limitSteps({ key, use }: Circumstances): Step[] {
  const steps: Step[] = [];
  if (key.program === "ENTERPRISE" && use === "PUBLISH") {
    steps.push({
      allows: false,
      reason: "Limit ENTERPRISE_KEY_CANNOT_PUBLISH: nothing is published with a key of the Enterprise Program.",
    });
  }
  if (key.keyType === "INDIVIDUAL" && use !== "PUBLISH") {
    steps.push({
      allows: false,
      reason: "Limit INDIVIDUAL_KEY_CANNOT_SIGN: Apple lets individual keys do nothing with certificates and profiles.",
    });
  }
  return steps;
}

/** The role or token of whoever asks. */
function roleStep({ tenant, use, viewer }: Circumstances): Step {
  const permission = PERMISSION_FOR_USE[use];
  const holds = viewer.may(permission);
  const who = viewer.roles.length > 0 ? `${viewer.label} (${viewer.roles.join(", ")})` : `${viewer.label} (token)`;
  return {
    allows: holds,
    reason: `Role: ${who} ${holds ? "holds" : "lacks"} ${permission} in "${tenant.name}", which ${use} takes.`,
  };
}
