import type { Permission } from "../entities/access-token.js";
import type { CertificateState } from "../entities/apple/certificate.js";
import type { ProfileState } from "../entities/apple/provisioning-profile.js";
import type { AppleKeyType, AppleProgram } from "../entities/credential.js";
import type { Role } from "../entities/member.js";
import type { ShareUse } from "../entities/share.js";

/** What is to be used, with all that may limit it whoever uses it. */
export type Subject =
  | { readonly kind: "key"; readonly rootId: string; readonly program: AppleProgram; readonly keyType: AppleKeyType }
  | {
      readonly kind: "certificate";
      readonly rootId: string;
      readonly state: CertificateState;
      readonly hasPrivateKey: boolean;
    }
  | {
      readonly kind: "profile";
      readonly rootId: string;
      readonly state: ProfileState;
      readonly bundleIdentifier: string;
      /** Whether the bundle identifier asked about is one that the profile is for. */
      readonly isForBundleIdentifier: boolean;
    };

/** What decides whether a tenant may use a key, a certificate or a profile. */
export interface Circumstances {
  readonly tenant: { readonly name: string; readonly id: string };
  readonly owner: { readonly name: string; readonly id: string };
  readonly subject: Subject;
  /** The share of it, whomever it reaches; null where it is not shared or the share is not to be known of. */
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

/** The permission that each use of a certificate or a profile takes: to sign with it is to have its file. */
const PERMISSION_FOR_USE_OF_KEPT = { ...PERMISSION_FOR_USE, SIGN: "SIGNING_DOWNLOAD" } as const satisfies Record<
  ShareUse,
  Permission
>;

/** One step of the decision: whether it allows, and why, by name. */
interface Step {
  readonly allows: boolean;
  readonly reason: string;
}

/** Whether a tenant may use something, and every grant, role, term and limit that has a say, in the order they are asked. */
export function explain(circumstances: Circumstances): { allowed: boolean; reasons: string[] } {
  const steps = [...grantSteps(circumstances), ...limitSteps(circumstances), roleStep(circumstances)];
  // Where it is refused, only what refuses it is of interest.
  const refusals = steps.filter((step) => !step.allows);
  const decisive = refusals.length > 0 ? refusals : steps;
  return { allowed: refusals.length === 0, reasons: decisive.map((step) => step.reason) };
}

/** The grant: the tenant's own thing, or a share with its terms. */
function grantSteps({
  tenant,
  owner,
  subject,
  share,
  use,
  bundleIdentifier,
  bundleIdentifierIsWithin,
}: Circumstances): Step[] {
  if (owner.id === tenant.id) return [{ allows: true, reason: `Grant: "${tenant.name}" owns the ${subject.kind}.` }];
  if (tenant.id === subject.rootId) {
    return [
      { allows: true, reason: `Grant: "${owner.name}" owns the ${subject.kind}, and belongs to "${tenant.name}".` },
    ];
  }
  if (share === null)
    return [
      {
        allows: false,
        reason: `Grant: "${owner.name}" owns the ${subject.kind} and does not share it with "${tenant.name}".`,
      },
    ];
  const grant = `share ${share.id}`;
  const steps: Step[] = [
    share.reaches
      ? { allows: true, reason: `Grant: "${owner.name}" shares the ${subject.kind} with "${tenant.name}" (${grant}).` }
      : {
          allows: false,
          reason: `Grant: "${owner.name}" shares the ${subject.kind}, but not with "${tenant.name}" (${grant}).`,
        },
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

/** The limits of a kind of thing, whoever uses it. */
function limitSteps({ subject, use, bundleIdentifier }: Circumstances): Step[] {
  switch (subject.kind) {
    case "key":
      return keyLimits(subject, use);
    case "certificate":
      return use === "VIEW" ? [] : certificateLimits(subject);
    case "profile":
      return use === "VIEW" ? [] : profileLimits(subject, bundleIdentifier);
  }
}

/** One kind of subject. */
type Of<Kind extends Subject["kind"]> = Extract<Subject, { kind: Kind }>;

const limit = (reason: string): Step => ({ allows: false, reason: `Limit ${reason}` });

function certificateLimits({ state, hasPrivateKey }: Of<"certificate">): Step[] {
  return [
    ...(hasPrivateKey ? [] : [limit("NO_PRIVATE_KEY: the private key of the certificate is not here.")]),
    ...(state === "EXPIRED" ? [limit("EXPIRED: the time of the certificate is over.")] : []),
    ...(state === "REVOKED" ? [limit("REVOKED: the certificate was revoked.")] : []),
  ];
}

function profileLimits(profile: Of<"profile">, bundleIdentifier: string | null): Step[] {
  const { state, isForBundleIdentifier } = profile;
  const isOther = bundleIdentifier !== null && !isForBundleIdentifier;
  return [
    ...(state === "EXPIRED" ? [limit("EXPIRED: the time of the profile is over.")] : []),
    ...(state === "INVALID" ? [limit("INVALID: the profile is no longer valid at Apple.")] : []),
    ...(isOther ? [limit(`bundleIdentifier: the profile is for ${profile.bundleIdentifier}.`)] : []),
  ];
}

/** The limits that Apple sets to a kind of key. */
function keyLimits(key: Of<"key">, use: ShareUse): Step[] {
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
function roleStep({ tenant, subject, use, viewer }: Circumstances): Step {
  const permission = (subject.kind === "key" ? PERMISSION_FOR_USE : PERMISSION_FOR_USE_OF_KEPT)[use];
  const holds = viewer.may(permission);
  const who = viewer.roles.length > 0 ? `${viewer.label} (${viewer.roles.join(", ")})` : `${viewer.label} (token)`;
  return {
    allows: holds,
    reason: `Role: ${who} ${holds ? "holds" : "lacks"} ${permission} in "${tenant.name}", which ${use} takes.`,
  };
}
