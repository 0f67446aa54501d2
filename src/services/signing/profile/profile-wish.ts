import type { ProfileType } from "../../../entities/apple/provisioning-profile.js";
import { isWithin } from "../../../entities/share.js";
import { Denial, Refusal } from "../../../errors.js";
import type { Change } from "../../apple/change.js";
import {
  fitsDevice,
  fittingCertificates,
  refuseForeignType,
  takesDevices,
  takesSeveralCertificates,
} from "./fitting.js";
import type { Team } from "../team.js";

/** A profile that somebody wants, in Apple's ids. */
export interface ProfileWish {
  readonly type: ProfileType;
  readonly bundleIdentifier: string;
  readonly certificateAppleIds: readonly string[];
  readonly deviceAppleIds: readonly string[];
}

/** Checks what the key's program and its share say of a profile, before anything is asked. Throws PROFILE_TYPE_NOT_ALLOWED, FORBIDDEN. */
export function checkKeyFor(change: Change, type: ProfileType, bundleIdentifier: string): void {
  refuseForeignType(type, change.key.program, "type");
  if (!isWithin(bundleIdentifier, change.key.bundleIdentifiers)) {
    throw new Denial("FORBIDDEN", "The share of this key is for other bundle identifiers.");
  }
}

/** Whether all that a wish names is there to be checked. */
export const isKnown = (team: Team, wish: Pick<ProfileWish, "certificateAppleIds" | "deviceAppleIds">): boolean =>
  wish.certificateAppleIds.every((id) => team.certificates.some(({ appleId }) => appleId === id)) &&
  wish.deviceAppleIds.every((id) => team.devices.some(({ appleId }) => appleId === id));

/** Checks a wish against Apple's rules, as far as they are known, so that Apple is not asked in vain. Throws Refusal. */
export function checkWish(team: Team, wish: ProfileWish): void {
  checkCertificates(team, wish);
  checkDevices(team, wish);
}

function checkCertificates(team: Team, { type, certificateAppleIds }: ProfileWish): void {
  const field = "certificateAppleIds";
  if (certificateAppleIds.length === 0) {
    throw new Refusal("CERTIFICATE_NOT_FITTING", "A profile needs a certificate.", [field]);
  }
  if (certificateAppleIds.length > 1 && !takesSeveralCertificates(type)) {
    throw new Refusal("CERTIFICATE_NOT_FITTING", `A profile of the type ${type} has one certificate.`, [field]);
  }
  const fitting = fittingCertificates(type);
  for (const [index, id] of certificateAppleIds.entries()) {
    const certificate = team.certificates.find(({ appleId }) => appleId === id);
    if (certificate === undefined) {
      throw new Refusal("NOT_FOUND", "The team of this key has no such certificate.", [field, String(index)]);
    }
    if (!fitting.includes(certificate.type)) {
      const message = `A profile of the type ${type} takes a certificate of the type ${fitting.join(" or ")}.`;
      throw new Refusal("CERTIFICATE_NOT_FITTING", message, [field, String(index)]);
    }
    if (certificate.expiresAt !== null && certificate.expiresAt <= new Date()) {
      throw new Refusal("CERTIFICATE_NOT_FITTING", "The time of this certificate is over.", [field, String(index)]);
    }
  }
}

function checkDevices(team: Team, { type, deviceAppleIds }: ProfileWish): void {
  const field = "deviceAppleIds";
  if (!takesDevices(type)) {
    if (deviceAppleIds.length === 0) return;
    throw new Refusal("INVALID_INPUT", `A profile of the type ${type} holds no devices.`, [field]);
  }
  if (deviceAppleIds.length === 0) {
    throw new Refusal("NO_DEVICES", `A profile of the type ${type} needs at least one device.`, [field]);
  }
  for (const [index, id] of deviceAppleIds.entries()) {
    const device = team.devices.find(({ appleId }) => appleId === id);
    const at = [field, String(index)];
    if (device === undefined) throw new Refusal("NOT_FOUND", "The team of this key has no such device.", at);
    if (device.status === "DISABLED") throw new Refusal("INVALID_INPUT", "This device is disabled.", at);
    if (!fitsDevice(type, device.deviceClass)) {
      throw new Refusal("INVALID_INPUT", `A device of this kind cannot be in a profile of the type ${type}.`, at);
    }
  }
}
