import { expect } from "@jest/globals";
import type { TestServer } from "../../support/server.js";
import type { HeldKey } from "./held-key.js";

/** An event as the graph shows it. */
export interface Event {
  readonly id: string;
  readonly kind: string;
  readonly appleId: string;
  readonly label: string;
  readonly at: string;
}

/** Has all lists of a key asked of Apple anew. */
export async function lookAgain(server: TestServer, bearer: string, { id }: HeldKey): Promise<void> {
  const lists = ["certificates", "provisioningProfiles", "bundleIds", "devices"];
  const { errors } = await server.ask(
    bearer,
    `query ($id: ID!) { credential(id: $id) { appStoreConnect(maxAgeSeconds: 0) {
      ${lists.map((list) => `${list} { nodes { appleId } }`).join(" ")} } } }`,
    { id },
  );
  expect(errors).toBeUndefined();
}

/** A page of the events of a key, newest first. */
export async function eventsOf(
  server: TestServer,
  bearer: string,
  { id }: HeldKey,
  { first = 50, after = null }: { first?: number; after?: string | null } = {},
) {
  const { data, errors } = await server.ask<{
    credential: {
      driftEvents: { nodes: Event[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } | null;
    } | null;
  }>(
    bearer,
    `query ($id: ID!, $first: Int!, $after: String) { credential(id: $id) { driftEvents(first: $first, after: $after) {
      nodes { id kind appleId label at } pageInfo { hasNextPage endCursor } } } }`,
    { id, first, after },
  );
  const connection = data.credential?.driftEvents ?? null;
  return { nodes: connection?.nodes ?? [], info: connection?.pageInfo, code: errors?.[0]?.extensions.code ?? null };
}
