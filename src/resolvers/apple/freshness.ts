import { GraphQLDateTime } from "graphql-scalars";
import { Field, Int, ObjectType } from "type-graphql";
import type { ErrorCode } from "../../errors.js";
import type { Prepared, SnapshotFreshness } from "../../loaders/apple/snapshot.js";
import { ErrorCodeEnum } from "../payload.js";

/** How old an answer is. */
@ObjectType({ simpleResolvers: true, description: "How old an answer is, and why it is not newer." })
export class Freshness {
  @Field(() => GraphQLDateTime, { description: "When Apple said so." })
  asOf!: Date;

  @Field(() => Boolean, { description: "Whether it is older than was asked for." })
  stale!: boolean;

  @Field(() => AppleProblem, { nullable: true, description: "Why it is not newer; null where nothing is wrong." })
  problem!: AppleProblem | null;
}

/** Why Apple's answer is not newer. */
@ObjectType({ simpleResolvers: true, description: "What went wrong when Apple was asked." })
export class AppleProblem {
  @Field(() => ErrorCodeEnum, { description: "Stable, for programs." })
  code!: ErrorCode;

  @Field(() => String, { description: "For people; may change." })
  message!: string;
}

/** Apple's hourly budget of a key. */
@ObjectType({ simpleResolvers: true, description: "Apple's hourly budget of a key, as it last reported it." })
export class AppleRateLimit {
  @Field(() => Int, { description: "Requests in a rolling hour." })
  limitPerHour!: number;

  @Field(() => Int, { description: "Those left." })
  remaining!: number;

  @Field(() => GraphQLDateTime, { description: "When Apple said so." })
  asOf!: Date;
}

/** The freshness of an answer that is made of several lists: as old as the oldest. */
export function freshnessOf(lists: readonly Prepared[]): SnapshotFreshness {
  const [oldest] = [...lists].sort((a, b) => a.asOf.getTime() - b.asOf.getTime());
  if (oldest === undefined) throw new Error("An answer was made of no list");
  const stale = lists.find((list) => list.stale);
  return { asOf: oldest.asOf, stale: stale !== undefined, problem: stale?.problem ?? null };
}
