import { Denial } from "../errors.js";
import type { Share } from "../entities/share.js";
import { rule } from "./shield.js";
import { mayIn } from "./tenant.js";

/** The viewer may share what the input names: the root organization owns it, and the viewer stands in the root. */
export const ownsSubject = rule<unknown, { input: { subjectId: string; name?: string | null } }>(
  "ownsSubject",
  async (_, { input }, ctx) => {
    const subject = await ctx.loaders.credential.load(input.subjectId);
    if (subject === null) return new Denial("NOT_FOUND");
    if (!ctx.viewer.owns(subject)) return new Denial("SHARED_FROM_ROOT");
    if (subject.ownerId !== subject.rootId) {
      return new Denial("FORBIDDEN", "Only what the root organization owns can be shared.");
    }
    const root = { id: subject.rootId, rootId: subject.rootId };
    const mayShare = mayIn(ctx, root, "CREDENTIALS_SHARE");
    // A name given here renames the key, which takes what renaming it takes.
    const renames = input.name !== undefined && input.name !== null;
    return mayShare !== true || !renames ? mayShare : mayIn(ctx, root, "CREDENTIALS_MANAGE");
  },
);

/** The viewer may see how the root shares its things. */
export const seesShare = rule<Share>("seesShare", (share, _, ctx) =>
  mayIn(ctx, { id: share.rootId, rootId: share.rootId }, "CREDENTIALS_VIEW"),
);
