import { Denial } from "../errors.js";
import type { Permission } from "../entities/access-token.js";
import type { ShareRow, ShareSubject } from "../loaders/share.js";
import { rule } from "./shield.js";
import { mayIn } from "./tenant.js";

/** What renaming a thing takes. A profile is named at Apple, and a name for it is refused. */
const RENAMING: Readonly<Record<ShareSubject["kind"], Permission>> = {
  credential: "CREDENTIALS_MANAGE",
  certificate: "SIGNING_MANAGE",
  provisioningProfile: "CREDENTIALS_SHARE",
};

/** The viewer may share what the input names: the root organization owns it, and the viewer stands in the root. */
export const ownsSubject = rule<unknown, { input: { subjectId: string; name?: string | null } }>(
  "ownsSubject",
  async (_, { input }, ctx) => {
    const found = await ctx.loaders.shareSubject(input.subjectId);
    if (found === null) return new Denial("NOT_FOUND");
    const { kind, item: subject } = found;
    if (!ctx.viewer.owns(subject)) return new Denial("SHARED_FROM_ROOT");
    if (subject.ownerId !== subject.rootId) {
      return new Denial("FORBIDDEN", "Only what the root organization owns can be shared.");
    }
    const root = { id: subject.rootId, rootId: subject.rootId };
    const mayShare = mayIn(ctx, root, "CREDENTIALS_SHARE");
    // A name given here renames the subject, which takes what renaming it takes.
    const renames = input.name !== undefined && input.name !== null;
    return mayShare !== true || !renames ? mayShare : mayIn(ctx, root, RENAMING[kind]);
  },
);

/** The viewer may see how the root shares its things. */
export const seesShare = rule<ShareRow>("seesShare", (share, _, ctx) =>
  mayIn(ctx, { id: share.rootId, rootId: share.rootId }, "CREDENTIALS_VIEW"),
);

/** The viewer sees what a share is of. */
export const seesItsSubject = rule<ShareRow>("seesItsSubject", ({ subjectId }, _, ctx) => ctx.sees(subjectId));
