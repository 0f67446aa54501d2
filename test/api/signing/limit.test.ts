import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { addKey, toll } from "../../support/crash/toll.js";
import { Victim } from "../../support/crash/victim.js";

const CREATE = `mutation ($input: CreateCertificateInput!) {
  createCertificate(input: $input) { certificate { id } userErrors { code message field } }
}`;

interface Created {
  readonly createCertificate: {
    readonly certificate: { readonly id: string } | null;
    readonly userErrors: readonly {
      readonly code: string;
      readonly message: string;
      readonly field: readonly string[];
    }[];
  };
}

/** How often one that was not answered asks. */
const TRIES = 20;

let victim: Victim;
beforeAll(async () => {
  // All hundred ask Apple with one key, in turns: the last of them waits for the others.
  victim = await Victim.start({ APPLE_DEADLINE_MS: "60000" });
});
afterAll(() => victim.end());

test("of 100 that ask at once where Apple has room for two, two get a certificate and the others are told which stand there", async () => {
  const key = await addKey(victim);
  const standing = victim.sandbox
    .team(key.teamId)
    .certificates.filter(({ attributes }) => attributes.certificateType === "DISTRIBUTION");
  victim.sandbox.configure({ certificateLimits: { DISTRIBUTION: standing.length + 2 } });
  const input = { tenantId: victim.organizationId, credentialId: key.credentialId, type: "DISTRIBUTION" };
  // Whom a busy machine gave no connection within its time asks once more, as a client does.
  const create = async (): Promise<Created | null> => {
    for (let tries = 1; tries < TRIES; tries += 1) {
      const answer = await victim.ask<Created>(CREATE, { input });
      if (answer !== null) return answer;
    }
    return victim.ask<Created>(CREATE, { input });
  };
  const answers = await Promise.all(Array.from({ length: 100 }, create));
  const made = answers.flatMap((answer) => answer?.createCertificate.certificate?.id ?? []);
  const refused = answers.flatMap((answer) => answer?.createCertificate.userErrors ?? []);
  expect(made).toHaveLength(2);
  expect(refused.map(({ code }) => code)).toEqual(Array.from({ length: 98 }, () => "CERTIFICATE_LIMIT_REACHED"));
  expect(await toll(victim, [key], made)).toEqual({ orphans: 0, lost: 0, open: 0 });
  // Those that were there before have no key here; those that were made have.
  for (const { message, field } of refused) {
    expect(field).toEqual(["type"]);
    for (const { attributes } of standing) {
      expect(message).toMatch(new RegExp(`serial ${attributes.serialNumber}, [^;]*no private key here`));
    }
    expect(message.match(/a candidate to revoke/g) ?? []).toHaveLength(
      message.match(/no private key here, in no profile/g)?.length ?? 0,
    );
    expect(message.match(/no private key here/g)).toHaveLength(standing.length);
  }
});
