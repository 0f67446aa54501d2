import type { Context } from "../../../context.js";
import { ReadSession } from "../../../database/tenancy.js";
import type { CertificateType } from "../../../entities/apple/certificate.js";
import type { ProfileType } from "../../../entities/apple/provisioning-profile.js";
import { isWithin } from "../../../entities/share.js";
import { Refusal } from "../../../errors.js";
import type { Change } from "../../apple/change.js";
import { MADE_THROUGH_KEYS } from "../certificate/certificate.js";
import { fittingCertificates, takesDevices } from "../profile/fitting.js";
import { signableCertificates, signableProfiles, type SignableCertificate, type SignableProfile } from "./kept.js";
import { enabledDevices } from "../profile/profile-renewal.js";
import { checkKeyFor } from "../profile/profile-wish.js";
import { teamOf, WHOLE_TEAM, type Team, type TeamProfile } from "../team.js";

/** What a build wants to sign. */
export interface Wish {
  readonly type: ProfileType;
  readonly bundleIdentifiers: readonly string[];
  readonly minimumValidDays: number;
}

/** What is done for one bundle identifier: a kept profile serves, one at Apple is kept, one is made, or one is replaced. */
export type ProfileStep =
  | { readonly does: "REUSE"; readonly bundleIdentifier: string; readonly profile: SignableProfile }
  | { readonly does: "KEEP"; readonly bundleIdentifier: string; readonly atApple: TeamProfile }
  | { readonly does: "REPLACE"; readonly bundleIdentifier: string; readonly profile: SignableProfile }
  | { readonly does: "CREATE"; readonly bundleIdentifier: string; readonly isRegistered: boolean };

/** What it takes to sign: with which certificate, null where one is to be made, and with which profiles. */
export interface Plan {
  readonly change: Change;
  readonly wish: Wish;
  readonly team: Team;
  readonly certificate: SignableCertificate | null;
  readonly certificateType: CertificateType;
  readonly profiles: readonly ProfileStep[];
  readonly deviceAppleIds: readonly string[];
}

/** Whether anything is to be made at Apple. */
export const makesSomething = ({ certificate, profiles }: Plan): boolean =>
  certificate === null || profiles.some(({ does }) => does === "CREATE" || does === "REPLACE");

/** Decides what serves as it is and what has to be made. Throws Refusal where it cannot be done at all. */
export async function planFor(ctx: Context, change: Change, wish: Wish): Promise<Plan> {
  const { rootId, tenantId } = change.key;
  for (const identifier of wish.bundleIdentifiers) checkKeyFor(change, wish.type, identifier);
  const team = await teamOf(ctx, change, WHOLE_TEAM);
  const reads = new ReadSession(ctx.platform.readPool, { roots: [rootId], tenants: [tenantId] });
  const tenant = { rootId, id: tenantId };
  const [certificates, profiles] = await Promise.all([
    signableCertificates(reads, tenant),
    signableProfiles(reads, tenant, wish.type, wish.bundleIdentifiers),
  ]);
  const devices = takesDevices(wish.type) ? enabledDevices(team, wish.type) : [];
  if (takesDevices(wish.type) && devices.length === 0) {
    throw new Refusal(
      "NO_DEVICES",
      `A profile of the type ${wish.type} needs a device, and the team has none enabled that fits.`,
      ["type"],
    );
  }
  const scene = { team, profiles, devices, wish, until: new Date(Date.now() + wish.minimumValidDays * 86_400_000) };
  const fitting = certificates.filter((each) => canServe(each, scene));
  const stepsWith = (certificate: SignableCertificate | null): ProfileStep[] =>
    wish.bundleIdentifiers.map((identifier) => stepFor(identifier, certificate, scene, tenantId));
  // The certificate that leaves least to be made; of several the one that lasts longest, which comes first.
  const choices = fitting.map((certificate) => ({ certificate, steps: stepsWith(certificate) }));
  choices.sort((a, b) => made(a.steps) - made(b.steps));
  const [best] = choices;
  return {
    ...{ change, wish, team, certificateType: typeToMake(wish.type, best !== undefined) },
    certificate: best?.certificate ?? null,
    profiles: best?.steps ?? stepsWith(null),
    deviceAppleIds: devices.map(({ appleId }) => appleId),
  };
}

interface Scene {
  readonly team: Team;
  readonly profiles: readonly SignableProfile[];
  readonly devices: Team["devices"];
  readonly wish: Wish;
  /** What ends before is renewed. */
  readonly until: Date;
}

const made = (steps: readonly ProfileStep[]): number =>
  steps.filter(({ does }) => does === "CREATE" || does === "REPLACE").length;

function typeToMake(type: ProfileType, isThere: boolean): CertificateType {
  const first = fittingCertificates(type)[0] ?? "DISTRIBUTION";
  if (isThere || MADE_THROUGH_KEYS.includes(first)) return first;
  const message = `Apple makes certificates of the type ${first} at its site alone: createSigningRequest, then completeSigningRequest.`;
  throw new Refusal("CERTIFICATE_NOT_FITTING", message, ["type"]);
}

const atApple = (team: Team, { serialNumber }: SignableCertificate): Team["certificates"][number] | undefined =>
  team.certificates.find((each) => each.serialNumber === serialNumber);

/** Whether a kept certificate can sign all that is wished, for long enough, and Apple still has it. */
function canServe(certificate: SignableCertificate, { team, wish, until }: Scene): boolean {
  return (
    fittingCertificates(wish.type).includes(certificate.type) &&
    certificate.expiresAt > until &&
    wish.bundleIdentifiers.every((identifier) => isWithin(identifier, certificate.bundleIdentifiers)) &&
    atApple(team, certificate) !== undefined
  );
}

function stepFor(
  bundleIdentifier: string,
  certificate: SignableCertificate | null,
  scene: Scene,
  tenantId: string,
): ProfileStep {
  const { team, profiles } = scene;
  const kept = profiles.filter((profile) => profile.bundleIdentifier === bundleIdentifier);
  const bundleId = team.bundleIds.find(({ identifier }) => identifier === bundleIdentifier);
  if (certificate !== null) {
    const serving = kept.find((profile) => servesKept(profile, certificate, scene));
    if (serving !== undefined) return { does: "REUSE", bundleIdentifier, profile: serving };
    // One that is kept and does not serve serves no better for being at Apple.
    const known = new Set(kept.map(({ uuid }) => uuid));
    const there = team.profiles.find(
      (each) =>
        bundleId !== undefined && !known.has(each.uuid) && servesAtApple(each, bundleId.appleId, certificate, scene),
    );
    if (there !== undefined) return { does: "KEEP", bundleIdentifier, atApple: there };
  }
  // Only the tenant's own is replaced, and only where the team of this key holds it.
  const own = kept.find(
    ({ ownerId, uuid }) => ownerId === tenantId && team.profiles.some((each) => each.uuid === uuid),
  );
  if (own !== undefined) return { does: "REPLACE", bundleIdentifier, profile: own };
  return { does: "CREATE", bundleIdentifier, isRegistered: bundleId !== undefined };
}

const canonical = (udid: string): string => udid.toLowerCase().replaceAll("-", "");

function servesKept(
  profile: SignableProfile,
  certificate: SignableCertificate,
  { team, devices, until }: Scene,
): boolean {
  const udids = new Set(profile.deviceUdids.map(canonical));
  return (
    profile.invalidSince === null &&
    profile.expiresAt > until &&
    profile.certificateSha1s.includes(certificate.sha1) &&
    devices.every(({ udid }) => udids.has(canonical(udid))) &&
    // Where Apple could not be asked, what was last known has to do.
    (team.problem !== null ||
      team.profiles.some(({ uuid, appleState }) => uuid === profile.uuid && appleState === "ACTIVE"))
  );
}

function servesAtApple(
  profile: TeamProfile,
  bundleIdAppleId: string,
  certificate: SignableCertificate,
  { team, devices, until, wish }: Scene,
): boolean {
  const held = new Set(profile.deviceIds);
  return (
    profile.type === wish.type &&
    profile.bundleIdAppleId === bundleIdAppleId &&
    profile.appleState === "ACTIVE" &&
    profile.expiresAt !== null &&
    profile.expiresAt > until &&
    profile.certificateIds.includes(atApple(team, certificate)?.appleId ?? "") &&
    devices.every(({ appleId }) => held.has(appleId))
  );
}
