import pLimit from "p-limit";
import { CONCURRENCY } from "../../apple/client.js";
import * as devices from "../../apple/device.js";
import type { DeviceAtApple } from "../../apple/device.js";
import { AppleError, unreachable } from "../../apple/error.js";
import type { Context } from "../../context.js";
import { ReadSession } from "../../database/tenancy.js";
import { AppleDevice, type DeviceStatus } from "../../entities/apple/device.js";
import { Denial, Refusal, type CodedError } from "../../errors.js";
import { nameOf } from "../input.js";
import { record } from "../audit.js";
import { accounted, authorizeChange, makeOnce, refusalOf, refusalOfItem, type Change } from "./change.js";
import { charge } from "./bookkeeping.js";
import { asOwner } from "./owner.js";
import { nextPosition, put } from "./row.js";
import { deviceRow } from "./store.js";

/** Devices that one mutation registers at most: Apple has so many of a family in a membership year. */
export const DEVICES_MOST = 100;
/** How old the list may be that tells which devices Apple knows: what it lacks Apple says itself. */
const KNOWN_SECONDS = 300;

/** 40 hex digits; 8 and 16; or the UUID of a Mac. Dashes and case do not count. */
const UDID = /^(?:[0-9a-f]{40}|[0-9a-f]{24}|[0-9a-f]{32})$/;
const UPDATE = "update a device";
const PLATFORMS = ["IOS", "MAC_OS", "UNIVERSAL"];

interface DeviceInput {
  readonly name: string;
  readonly udid: string;
  readonly platform: string;
}

interface RegisterInput {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly devices: readonly DeviceInput[];
}

/** What came of each device: those that Apple has now, in the order asked for, and why the others are not there. */
export interface Registered {
  readonly devices: readonly AppleDevice[];
  readonly refusals: readonly Refusal[];
}

/** Registers devices; those that Apple knows already come back as they are. One that fails leaves the others. */
export async function register(ctx: Context, input: RegisterInput): Promise<Registered> {
  if (input.devices.length === 0 || input.devices.length > DEVICES_MOST) {
    throw new Refusal("INVALID_INPUT", `Name 1 to ${DEVICES_MOST} devices.`, ["devices"]);
  }
  const wanted = input.devices.map((device, index) => deviceOf(device, String(index)));
  const change = await authorizeChange(ctx, input);
  const known = await knownDevices(ctx, change);

  const made = new Map<string, Promise<AppleDevice | DeviceAtApple>>();
  // Where Apple refuses the key, or takes too long, it is not asked for each of a hundred devices.
  let stop: AppleError | null = null;
  const until = Date.now() + ctx.platform.apple.deadlineMs;
  const registerOne = async (device: DeviceInput): Promise<DeviceAtApple> => {
    if (Date.now() > until) stop ??= unreachable(null);
    if (stop !== null) throw stop;
    try {
      return await makeOnce(
        change,
        (right) => devices.register(ctx.platform.apple, right, device),
        find(ctx, device.udid),
      );
    } catch (error) {
      if (error instanceof AppleError && !error.outcomeUnknown && error.code !== "APPLE_REFUSED") stop = error;
      throw error;
    }
  };
  const turns = pLimit(CONCURRENCY);
  for (const device of wanted) {
    const key = canonical(device.udid);
    const kept = known.get(key);
    if (!made.has(key)) made.set(key, kept === undefined ? turns(registerOne, device) : Promise.resolve(kept));
  }
  const outcomes = await Promise.allSettled(wanted.map(async (device) => made.get(canonical(device.udid))));
  const refusals: Refusal[] = [];
  const found: (AppleDevice | DeviceAtApple)[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.status === "rejected") refusals.push(refusalOfItem(outcome.reason, ["devices", String(index)]));
    else if (outcome.value !== undefined) found.push(outcome.value);
  }
  const why = stop as AppleError | null; // Set in a function, which the compiler does not see.
  const problem = found.length === 0 ? (why ?? refusals[0] ?? null) : null;
  const rows = await keep(ctx, change, "device.registered", found, problem);
  if (rows.length === 0 && why !== null && refusals.every(({ code }) => code === why.code)) throw why;
  return { devices: rows, refusals };
}

interface UpdateInput {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly appleId: string;
  readonly name?: string | null;
  readonly status?: DeviceStatus | null;
}

/** Renames, disables or enables a device. Disabling frees no place in the membership year. */
export async function update(ctx: Context, input: UpdateInput): Promise<AppleDevice> {
  const { appleId, name, status } = input;
  if (!/^[\w-]{1,100}$/.test(appleId)) throw new Refusal("NOT_FOUND", "There is no such device.", ["appleId"]);
  if (status !== undefined && status !== null && status !== "ENABLED" && status !== "DISABLED") {
    throw new Refusal("INVALID_INPUT", "A device can be set to ENABLED or DISABLED.", ["status"]);
  }
  const isNamed = name !== undefined && name !== null;
  const attributes = { ...(isNamed && { name: nameOf(name) }), ...(status && { status }) };
  if (Object.keys(attributes).length === 0) {
    throw new Refusal("INVALID_INPUT", "Give a name or a status.", ["status"]);
  }
  const change = await authorizeChange(ctx, input);
  try {
    const updated = await accounted(ctx, change, UPDATE, () => updateSurely(ctx, change, appleId, attributes));
    const [row] = await keep(ctx, change, "device.updated", [updated]);
    if (row === undefined) throw new Denial("NOT_FOUND");
    return row;
  } catch (error) {
    if (error instanceof AppleError && error.status === 404) {
      throw new Refusal("NOT_FOUND", "There is no such device.", ["appleId"]);
    }
    throw error instanceof AppleError ? refusalOf(error, ["appleId"]) : error;
  }
}

/** After a lost answer the device itself tells whether it was changed. */
async function updateSurely(
  { platform: { apple } }: Context,
  change: Change,
  appleId: string,
  attributes: { readonly name?: string; readonly status?: "ENABLED" | "DISABLED" },
): Promise<DeviceAtApple> {
  try {
    return await devices.update(apple, change, appleId, attributes);
  } catch (error) {
    if (!(error instanceof AppleError) || !error.outcomeUnknown) throw error;
    const now = await devices.get(apple, change, appleId).catch(() => null);
    const { name = now?.name, status = now?.appleStatus } = attributes;
    if (now?.name === name && now?.appleStatus === status && now !== null) return now;
    throw error;
  }
}

/** A UDID as devices are told apart: Apple takes it in any case, with dashes or without. */
const canonical = (udid: string): string => udid.toLowerCase().replaceAll("-", "");

function deviceOf({ name, udid, platform }: DeviceInput, index: string): DeviceInput {
  const trimmed = udid.trim();
  if (!UDID.test(canonical(trimmed))) {
    throw new Refusal("INVALID_INPUT", "This is no UDID: 40 hex digits, or 8 and 16 with a dash between.", [
      ...["devices", index, "udid"],
    ]);
  }
  if (!PLATFORMS.includes(platform)) {
    throw new Refusal("INVALID_INPUT", `The platform is one of ${PLATFORMS.join(", ")}.`, [
      "devices",
      index,
      "platform",
    ]);
  }
  try {
    return { name: nameOf(name), udid: trimmed, platform };
  } catch (error) {
    throw refusalAt(error, ["devices", index, "name"]);
  }
}

const refusalAt = (error: unknown, field: readonly string[]): unknown =>
  error instanceof Refusal ? new Refusal(error.code, error.message, field) : error;

const find =
  (ctx: Context, udid: string) =>
  async (right: Change): Promise<DeviceAtApple | null> => {
    const all = await devices.list(ctx.platform.apple, right);
    return all.find((device) => canonical(device.udid) === canonical(udid)) ?? null;
  };

const KNOWN = {
  name: "apple_devices_known",
  text: `SELECT d.root_id AS "rootId", d.owner_id AS "ownerId", d.credential_id AS "credentialId", d.apple_id AS "appleId", d.position, d.name, d.udid, d.model,
      d.device_class AS "deviceClass", d.platform, d.status, d.added_at AS "addedAt", d.written_at AS "writtenAt",
      s.as_of > now() - make_interval(secs => $3) AS "isFresh", s.attempts
    FROM apple_snapshots s LEFT JOIN apple_devices d ON d.root_id = s.root_id AND d.credential_id = s.credential_id
    WHERE s.root_id = $1 AND s.credential_id = $2 AND s.list = 'DEVICES'`,
};

/** The devices that Apple is known to have, by canonical UDID; asked for first where that was long ago. */
async function knownDevices(ctx: Context, change: Change): Promise<ReadonlyMap<string, AppleDevice>> {
  const { rootId, ownerId, credentialId } = change.key;
  const read = async () => {
    const reads = new ReadSession(ctx.platform.readPool, { roots: [rootId], tenants: [ownerId] });
    return reads.rows<AppleDevice & { isFresh: boolean | null; attempts: number }>(KNOWN, [
      rootId,
      credentialId,
      KNOWN_SECONDS,
    ]);
  };
  let rows = await read();
  if (rows[0]?.isFresh !== true) {
    const attempts = rows[0]?.attempts ?? 0;
    const refreshed = await ctx.platform.snapshots.refresh({
      authorization: change,
      list: "DEVICES",
      attempts,
      purpose: "CHANGE",
    });
    if (refreshed.problem !== null) throw refreshed.problem;
    rows = await read();
  }
  const devicesThere = rows.filter((row) => (row.appleId as string | null) !== null);
  return new Map(devicesThere.map(({ isFresh: _isFresh, attempts: _attempts, ...row }) => [canonical(row.udid), row]));
}

/** Keeps devices as Apple has them now, in the snapshot, and what was spent. */
async function keep(
  ctx: Context,
  change: Change,
  action: "device.registered" | "device.updated",
  found: readonly (AppleDevice | DeviceAtApple)[],
  problem: CodedError | null = null,
): Promise<AppleDevice[]> {
  const { rootId, ownerId, credentialId } = change.key;
  return asOwner(ctx.platform.readPool, change.key, async (unit) => {
    // Each once, though it was asked for twice.
    const fresh = [...new Set(found)].filter((device): device is DeviceAtApple => !("rootId" in device));
    const next = await nextPosition(unit, AppleDevice, change.key);
    const now = new Date();
    const rows = fresh.map((device, index) =>
      deviceRow({ rootId, ownerId, credentialId, position: next + index }, device, now),
    );
    await put(unit, AppleDevice, rows, { keep: ["position"] });
    await charge(unit, [{ ...change, what: action === "device.updated" ? UPDATE : "register devices", problem }]);
    for (const { appleId, name, udid, status } of rows) {
      const subject = { id: credentialId, label: change.key.keyId };
      const tenant = { rootId, id: change.key.tenantId };
      record(unit, change.key.actor, { tenant, action, subject, details: { appleId, name, udid, status } });
    }
    const made = new Map(rows.map((row) => [row.appleId, row]));
    return found
      .map((device) => ("rootId" in device ? device : made.get(device.appleId)))
      .filter((row) => row !== undefined);
  });
}
