import { Denial } from "../errors.js";
import type { Share } from "../entities/share.js";
import { rule } from "./shield.js";
import { mayIn } from "./tenant.js";

/** The viewer may share what the input names: the root organization owns it, and the viewer stands in the root. */
export const ownsSubject = rule<unknown, { input: { subjectId: string } }>("ownsSubject", async (_, { input }, ctx) => {
  const subject = await ctx.loaders.credential.load(input.subjectId);
  if (subject === null) return new Denial("NOT_FOUND");
  if (!ctx.viewer.owns(subject)) return new Denial("SHARED_FROM_ROOT");
  if (subject.ownerId !== subject.rootId) {
    return new Denial("FORBIDDEN", "Only what the root organization owns can be shared.");
  }
  return mayIn(ctx, { id: subject.rootId, rootId: subject.rootId }, "CREDENTIALS_SHARE");
});

/** The viewer may see how the root shares its things. */
export const seesShare = rule<Share>("seesShare", (share, _, ctx) =>
  mayIn(ctx, { id: share.rootId, rootId: share.rootId }, "CREDENTIALS_VIEW"),
);
