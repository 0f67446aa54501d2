import type { Context } from "../../context.js";
import { usersOf } from "../share.js";

/** Things that a message names. */
const NAMED_AT_MOST = 10;

/** Who uses a key: with whom it is shared, and what that is live was made through it. Empty: nobody. */
export async function usersOfKey(ctx: Context, credentialId: string): Promise<string[]> {
  const users = await usersOf(ctx, credentialId);
  const [certificates, profiles] = await Promise.all([
    ctx.loaders.certificatesOfCredential.load(credentialId),
    ctx.loaders.profilesOfCredential.load(credentialId),
  ]);
  const made = [...certificates, ...profiles].filter(({ state }) => state === "VALID" || state === "ACTIVE");
  const names = made.slice(0, NAMED_AT_MOST).map(({ name }) => `"${name}"`);
  const more = made.length > names.length ? " and more" : "";
  return [
    ...(users === null ? [] : [`It is shared with ${users}: unshare it first`]),
    ...(made.length === 0 ? [] : [`Made through it, and renewed through it alone: ${names.join(", ")}${more}`]),
  ];
}
