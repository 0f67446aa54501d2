import * as bundleIds from "../../apple/bundle-id.js";
import type { Context } from "../../context.js";
import { AppleBundleId } from "../../entities/apple/bundle-id.js";
import { isWithin } from "../../entities/share.js";
import { Denial, Refusal } from "../../errors.js";
import { nameOf } from "../input.js";
import { record } from "../audit.js";
import { accounted, authorizeChange, makeOnce, refusalOf, refusalOfItem, type Change } from "./change.js";
import { charge } from "./bookkeeping.js";
import { asOwner } from "./owner.js";
import { nextPosition, put } from "./row.js";
import { bundleIdRow } from "./store.js";

/** Capabilities that one bundle id is given at most. */
export const CAPABILITIES_MOST = 50;
/** What a key is used for here, in words of the log. */
const WHAT = "register a bundle id";
const PLATFORMS = ["IOS", "MAC_OS", "UNIVERSAL"];

interface RegisterInput {
  readonly tenantId: string;
  readonly credentialId: string;
  readonly identifier: string;
  readonly name: string;
  readonly platform: string;
  readonly capabilities: readonly string[];
}

/** What came of it: the bundle id, and why it lacks a capability that was asked for. */
export interface RegisteredBundleId {
  readonly bundleId: AppleBundleId;
  readonly refusals: readonly Refusal[];
}

/** Registers a bundle id, and gives it capabilities. Throws ALREADY_EXISTS where Apple has it. */
export async function register(ctx: Context, input: RegisterInput): Promise<RegisteredBundleId> {
  const attributes = attributesOf(input);
  const capabilities = capabilitiesOf(input.capabilities);
  const change = await authorizeChange(ctx, input);
  if (!isWithin(attributes.identifier, change.key.bundleIdentifiers)) {
    throw new Denial("FORBIDDEN", "The share of this key is for other bundle identifiers.");
  }
  const { apple } = ctx.platform;
  const find = (right: Change) => bundleIds.find(apple, right, attributes.identifier);
  let made: bundleIds.BundleIdAtApple;
  try {
    made = await accounted(ctx, change, WHAT, async () => {
      if ((await find(change)) !== null) {
        throw new Refusal("ALREADY_EXISTS", "The team has this bundle id already.", ["identifier"]);
      }
      return makeOnce(change, (right) => bundleIds.register(apple, right, attributes), find);
    });
  } catch (error) {
    throw refusalOf(error, ["identifier"]);
  }
  const refusals: Refusal[] = [];
  for (const capability of capabilities) {
    try {
      await enable(ctx, change, made.appleId, capability);
    } catch (error) {
      refusals.push(refusalOfItem(error, ["capabilities", String(input.capabilities.indexOf(capability))]));
    }
  }
  const bundleId = await keep(ctx, change, {
    ...made,
    capabilities: await heldBy(ctx, change, made.appleId, capabilities),
  });
  return { bundleId, refusals };
}

async function enable(ctx: Context, change: Change, bundleId: string, capability: string): Promise<void> {
  const { apple } = ctx.platform;
  await makeOnce(
    change,
    async (right) => {
      await bundleIds.enable(apple, right, bundleId, capability);
      return capability;
    },
    async (right) => (await bundleIds.capabilities(apple, right, bundleId)).find((held) => held === capability) ?? null,
  );
}

/** Apple gives some capabilities by itself. Where it does not answer now, the next list will say. */
async function heldBy(
  ctx: Context,
  change: Change,
  bundleId: string,
  asked: readonly string[],
): Promise<readonly string[]> {
  try {
    return await bundleIds.capabilities(ctx.platform.apple, change, bundleId);
  } catch (error) {
    if (error instanceof Denial) return asked;
    throw error;
  }
}

function attributesOf({ identifier, name, platform }: RegisterInput) {
  const trimmed = identifier.trim();
  if (!/^(?:[A-Za-z0-9-]+\.)*(?:[A-Za-z0-9-]+|\*)$/.test(trimmed) || trimmed.length > 255) {
    const message = "A bundle identifier holds letters, digits, dots and hyphens, with an optional * as its last part.";
    throw new Refusal("INVALID_INPUT", message, ["identifier"]);
  }
  if (!PLATFORMS.includes(platform)) {
    throw new Refusal("INVALID_INPUT", `The platform is one of ${PLATFORMS.join(", ")}.`, ["platform"]);
  }
  return { identifier: trimmed, name: nameOf(name), platform };
}

function capabilitiesOf(capabilities: readonly string[]): string[] {
  if (capabilities.length > CAPABILITIES_MOST || !capabilities.every((word) => /^[A-Z0-9_]{1,60}$/.test(word))) {
    const message = `Capabilities are Apple's words, such as PUSH_NOTIFICATIONS, ${CAPABILITIES_MOST} at most.`;
    throw new Refusal("INVALID_INPUT", message, ["capabilities"]);
  }
  return [...new Set(capabilities)];
}

/** Keeps a bundle id as Apple has it now, in the snapshot, and what was spent. */
async function keep(ctx: Context, change: Change, made: bundleIds.BundleIdAtApple): Promise<AppleBundleId> {
  const { rootId, ownerId, credentialId } = change.key;
  return asOwner(ctx.platform.readPool, change.key, async (unit) => {
    const next = await nextPosition(unit, AppleBundleId, change.key);
    const row = bundleIdRow({ rootId, ownerId, credentialId, position: next }, made, new Date());
    await put(unit, AppleBundleId, [row], { keep: ["position"] });
    await charge(unit, [{ ...change, what: WHAT }]);
    record(unit, change.key.actor, {
      tenant: { rootId, id: change.key.tenantId },
      action: "bundle_id.registered",
      subject: { id: credentialId, label: change.key.keyId },
      details: { identifier: made.identifier, appleId: made.appleId, capabilities: made.capabilities },
    });
    return row;
  });
}
