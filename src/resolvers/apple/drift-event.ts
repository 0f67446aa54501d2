import { Arg, Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { DriftEvent } from "../../entities/apple/drift-event.js";
import { Credential } from "../../entities/credential.js";
import type { DriftEventRow } from "../../loaders/apple/drift-event.js";
import type { CredentialRow } from "../../loaders/credential.js";
import { AFTER, connectionOf, connectionType, FIRST, FirstType, pageOf, type Connection } from "../connection.js";

const DriftEventConnection = connectionType("DriftEvent", () => DriftEvent);

/** What changed at Apple, of a key. */
@Resolver(() => Credential)
export class CredentialDriftEventsResolver {
  @FieldResolver(() => DriftEventConnection, {
    description: "What changed at Apple and was not done from here, newest first; kept for 90 days.",
  })
  async driftEvents(
    @Root() { id }: CredentialRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() { loaders }: Context,
  ): Promise<Connection<DriftEventRow>> {
    const page = pageOf(id, first, after, null);
    return connectionOf(await loaders.driftEventsByKey.load(page), page);
  }
}
