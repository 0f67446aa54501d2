import type { JournalEntry } from "../../../src/sandbox/journal.js";
import type { KeyOptions } from "../../../src/sandbox/team/key.js";
import type { Team } from "../../../src/sandbox/team/team.js";
import type { Story } from "../../support/seed.js";
import type { ClientError, TestServer } from "../../support/server.js";

/** A key of a tenant, and what its team has at Apple. */
export interface HeldKey {
  readonly id: string;
  readonly keyId: string;
  readonly team: Team;
}

/** Adds a key that nobody else uses to a tenant, the root by default. */
export async function heldKey(
  { sandbox }: TestServer,
  story: Story,
  { tenantId = story.organizationId, ...options }: Partial<KeyOptions> & { tenantId?: string } = {},
): Promise<HeldKey> {
  const program = options.program ?? "app-store";
  const { keyId, issuerId, privateKey, teamId } = await sandbox.registerKey({ ...options, program });
  const id = await story.credential(tenantId, {
    ...{ keyId, issuerId, privateKey, verify: false },
    keyType: issuerId === null ? "INDIVIDUAL" : "TEAM",
    program: program === "enterprise" ? "ENTERPRISE" : "APP_STORE",
  });
  return { id, keyId, team: sandbox.team(teamId) };
}

/** The calls of a key that were to make something. */
export function postsOf({ sandbox }: TestServer, { keyId }: HeldKey): JournalEntry[] {
  return sandbox.journal.filter((call) => call.keyId === keyId && call.method === "POST");
}

/** Why a part of a mutation, or all of it, was refused. */
interface Refused {
  readonly code: string;
  readonly field: readonly string[] | null;
  readonly message: string;
}

/** Runs a mutation of one field, and gives all of its `userErrors`; `denied` is the code in `errors[]`. */
export async function refusalsOf<Payload>(server: TestServer, bearer: string, document: string, input: object) {
  const { data, errors } = await server.ask<Record<string, (Payload & { userErrors: Refused[] }) | null> | null>(
    bearer,
    document,
    { input },
  );
  const [payload = null] = Object.values(data ?? {});
  const [error]: readonly (ClientError | undefined)[] = errors ?? [];
  return { payload, refusals: payload?.userErrors ?? [], denied: error?.extensions.code ?? null };
}
