import type { BundleIdAtApple } from "../../apple/bundle-id.js";
import type { CertificateAtApple } from "../../apple/certificate.js";
import type { DeviceAtApple } from "../../apple/device.js";
import type { ProfilesAtApple } from "../../apple/provisioning-profile.js";
import type { Unit } from "../../database/tenancy.js";
import { AppleBundleId } from "../../entities/apple/bundle-id.js";
import { AppleCertificate, certificateTypeOf } from "../../entities/apple/certificate.js";
import { AppleDevice, deviceStatusOf } from "../../entities/apple/device.js";
import { AppleProvisioningProfile, profileTypeOf } from "../../entities/apple/provisioning-profile.js";
import type { AppleRow } from "../../entities/apple/row.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import { markInvalid, withoutOurs } from "../signing/seen.js";
import { driftOfCertificates, driftOfDevices, driftOfProfiles, type Drift } from "./drift.js";
import { putHeld } from "./held.js";
import { forget, listed, put, type KeyPlace, type RowClass } from "./row.js";

/** Apple's lists may not show a write for so long: what was written from here is kept as it was written. */
const LIST_LAG_SECONDS = 120;

/** Whose list it is, and the two times that it is compared between. `before` is null the first time. */
export interface Moment extends KeyPlace {
  readonly before: Date | null;
  readonly at: Date;
}

/** What each list is as Apple answers it. */
export interface Fetched {
  readonly CERTIFICATES: readonly CertificateAtApple[];
  readonly PROFILES: ProfilesAtApple;
  readonly BUNDLE_IDS: readonly BundleIdAtApple[];
  readonly DEVICES: readonly DeviceAtApple[];
}

/** One key's list, as Apple answered it. */
export interface Item<List extends AppleList> {
  readonly moment: Moment;
  readonly fetched: Fetched[List];
}

type Place = Pick<AppleRow, "rootId" | "ownerId" | "credentialId" | "position">;

/** A certificate as a row. */
export const certificateRow = (
  place: Place,
  { appleId, name, appleType, serialNumber, expiresAt }: CertificateAtApple,
  writtenAt: Date | null = null,
): AppleCertificate => ({
  ...place,
  ...{ appleId, name, appleType, serialNumber, expiresAt, writtenAt },
  type: certificateTypeOf(appleType),
});

/** A device as a row, as its own list has it. */
export function deviceRow(
  place: Place,
  { appleStatus, ...row }: DeviceAtApple,
  writtenAt: Date | null = null,
): AppleDevice {
  const status = deviceStatusOf(appleStatus);
  return { ...place, ...row, status, listedStatus: status, writtenAt };
}

/** A device as a row, as it comes along with a profile. */
const deviceOfProfileRow = (place: Place, device: DeviceAtApple): AppleDevice =>
  Object.assign(deviceRow(place, device), { listedStatus: null });

/** A bundle id as a row. */
export const bundleIdRow = (place: Place, row: BundleIdAtApple, writtenAt: Date | null = null): AppleBundleId => ({
  ...place,
  ...row,
  capabilities: [...row.capabilities],
  writtenAt,
});

/** A profile as a row. */
export const profileRow = (
  place: Place,
  { appleId, name, uuid, appleType, appleState, expiresAt, bundleId }: ProfilesAtApple["profiles"][number],
  writtenAt: Date | null = null,
): AppleProvisioningProfile => ({
  ...place,
  ...{ appleId, name, uuid, appleType, appleState, expiresAt, writtenAt },
  type: profileTypeOf(appleType),
  bundleIdAppleId: bundleId,
});

/** Puts what Apple answered in the place of what is kept of lists, and says what changed where. */
type Store<List extends AppleList> = (
  unit: Unit,
  items: readonly Item<List>[],
) => Promise<readonly (readonly [Moment, Drift])[]>;

/** How each list is stored, of many keys at once. */
export const STORE: { readonly [List in AppleList]: Store<List> } = {
  async CERTIFICATES(unit, items) {
    const lists = items.map(({ moment, fetched }) => ({ moment, rows: rowsOf(moment, fetched, certificateRow) }));
    const before = await replace(unit, AppleCertificate, lists, lagBefore(items));
    const drifts = drifted(lists, before, ({ rows, moment }, was) => {
      const isNews = newsFor(moment, was);
      return driftOfCertificates(was.filter(isNews), rows.filter(isNews), moment.at);
    });
    return withoutOurs(unit, drifts, lists, before);
  },

  async DEVICES(unit, items) {
    const lists = items.map(({ moment, fetched }) => ({ moment, rows: rowsOf(moment, fetched, deviceRow) }));
    const before = await replace(unit, AppleDevice, lists, lagBefore(items));
    return drifted(lists, before, ({ rows, moment }, was) => {
      const isNews = newsFor(moment, was);
      return driftOfDevices(was.filter(isNews), rows.filter(isNews));
    });
  },

  async BUNDLE_IDS(unit, items) {
    const lists = items.map(({ moment, fetched }) => ({ moment, rows: rowsOf(moment, fetched, bundleIdRow) }));
    await replace(unit, AppleBundleId, lists, lagBefore(items));
    return [];
  },

  async PROFILES(unit, items) {
    const lists = items.map(({ moment, fetched }) => ({
      moment,
      fetched,
      rows: rowsOf(moment, fetched.profiles, profileRow),
    }));
    const before = await replace(unit, AppleProvisioningProfile, lists, lagBefore(items));
    const of = <From, Row>(
      read: (fetched: ProfilesAtApple) => readonly From[],
      make: (place: Place, row: From) => Row,
    ) => items.flatMap(({ moment, fetched }) => rowsOf(moment, read(fetched), make));
    const writtenBefore = lagBefore(items);
    const keep = ["position", "writtenAt"] as const;
    await Promise.all([
      putHeld(unit, items),
      put(
        unit,
        AppleCertificate,
        of((fetched) => fetched.certificates, certificateRow),
        { keep, writtenBefore },
      ),
      markInvalid(
        unit,
        lists.flatMap(({ rows }) => rows),
      ),
      put(
        unit,
        AppleDevice,
        of((fetched) => fetched.devices, deviceOfProfileRow),
        { keep: [...keep, "listedStatus"], writtenBefore },
      ),
      put(
        unit,
        AppleBundleId,
        of((fetched) => fetched.bundleIds, bundleIdRow),
        {
          keep: [...keep, "capabilities"],
          writtenBefore,
        },
      ),
    ]);
    return drifted(lists, before, ({ fetched, moment }, was) => {
      const identifiers = new Map(fetched.bundleIds.map(({ appleId, identifier }) => [appleId, identifier]));
      const is = fetched.profiles.map((row) => ({
        ...row,
        bundleIdentifier: identifiers.get(row.bundleId ?? "") ?? null,
      }));
      return driftOfProfiles(was, is, moment.before ?? moment.at, moment.at);
    });
  },
};

/** Whether something is news: what was written from here is none, whether Apple's list shows it yet or not. */
function newsFor(
  moment: Moment,
  was: readonly { readonly appleId: string; readonly writtenAt: Date | null }[],
): (row: { readonly appleId: string }) => boolean {
  const since = lagBefore([{ moment }]);
  const written = new Set(was.filter((row) => row.writtenAt && row.writtenAt >= since).map((row) => row.appleId));
  return ({ appleId }) => !written.has(appleId);
}

/** Until when what was written from here may be missing in Apple's lists: the earliest of them all. */
const lagBefore = (items: readonly { readonly moment: Moment }[]): Date =>
  new Date(Math.min(...items.map(({ moment }) => moment.at.getTime())) - LIST_LAG_SECONDS * 1000);

function rowsOf<From, Row>(moment: Moment, from: readonly From[], make: (place: Place, row: From) => Row): Row[] {
  const { rootId, ownerId, credentialId } = moment;
  return from.map((row) => make({ rootId, ownerId, credentialId, position: null }, row));
}

/** A key's list, as it is to be. */
interface List<Row> {
  readonly moment: Moment;
  readonly rows: readonly Row[];
}

/** What changed of each list. The first time nothing has: there is nothing to compare with. */
function drifted<Row, L extends List<Row>, Was>(
  lists: readonly L[],
  before: ReadonlyMap<string, readonly Was[]>,
  compare: (list: L, was: readonly Was[]) => readonly Drift[],
): (readonly [Moment, Drift])[] {
  return lists.flatMap((list) => {
    if (list.moment.before === null) return [];
    return compare(list, before.get(list.moment.credentialId) ?? []).map((drift) => [list.moment, drift] as const);
  });
}

/**
 * Puts the rows of lists: those that stay keep their position, new ones come behind, in Apple's order. Gives the rows
 * of each key as they were.
 */
async function replace<Row extends AppleRow>(
  unit: Unit,
  entity: RowClass<Row>,
  lists: readonly List<Row>[],
  writtenBefore?: Date,
): Promise<ReadonlyMap<string, readonly Row[]>> {
  const before = new Map<string, Row[]>(lists.map(({ moment }) => [moment.credentialId, []]));
  const known = lists.map(({ moment }) => moment).filter((moment) => moment.before !== null);
  for (const row of await listed(unit, entity, known)) before.get(row.credentialId)?.push(row);
  const gone: AppleRow[] = [];
  for (const { moment, rows } of lists) {
    const was = before.get(moment.credentialId) ?? [];
    const positions = new Map(was.map((row) => [row.appleId, row.position ?? 0]));
    let last = Math.max(-1, ...positions.values());
    for (const row of rows) row.position = positions.get(row.appleId) ?? (last += 1);
    const kept = new Set(rows.map((row) => row.appleId));
    gone.push(...was.filter((row) => !kept.has(row.appleId)));
  }
  await Promise.all([
    forget(unit, entity, gone, writtenBefore),
    put(
      unit,
      entity,
      lists.flatMap(({ rows }) => rows),
      writtenBefore === undefined ? {} : { writtenBefore },
    ),
  ]);
  return before;
}
