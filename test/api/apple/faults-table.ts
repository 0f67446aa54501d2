import type { Failure } from "../../../src/sandbox/failure.js";
import { OPERATIONS, type Operation } from "./faults-operation.js";

/** How long a failure lasts: it meets the one call that matters, or every call from that one on. */
export const MODES = ["once", "lasting"] as const;
export type Mode = (typeof MODES)[number];

type SimpleKind = Exclude<Failure["kind"], "429" | "slow" | "trickle" | "clock-skew">;

const plain = (...kinds: SimpleKind[]): [string, Failure][] => kinds.map((kind) => [kind, { kind } as Failure]);

/** Every failure that is tried, by its name in the table: of some kinds there are several. */
export const FAILURES: ReadonlyMap<string, Failure> = new Map<string, Failure>([
  ...plain("401", "403-role", "403-agreement", "403-membership"),
  ["429", { kind: "429", retryAfterSeconds: 0 }],
  ...plain("500", "502-html", "503", "504", "hang"),
  ["slow-in-time", { kind: "slow", delayMs: 50 }],
  ["slow-too-late", { kind: "slow", delayMs: 60_000 }],
  ["trickle", { kind: "trickle", delayMs: 500 }],
  ...plain("drop", "truncated", "500-after", "drop-after", "hang-after", "bad-json", "empty", "huge", "redirect"),
  ...plain("foreign-next", "repeat-next", "extra-next", "bad-cursor", "missing-rows", "no-total"),
  ["clock-ahead", { kind: "clock-skew", skewSeconds: 1_200 }],
  ["clock-behind", { kind: "clock-skew", skewSeconds: -900 }],
  ...plain("null-attributes", "unknown-enum", "wrong-types"),
]);

// What an operation answers while Apple fails: a list, the check of a key, a POST, a PATCH. `ok` gives what is right.
// A line that names an operation is about that one alone.
const TABLE = `
  failure          lasts    a list                   the check          to make something        to change a device
  401              once     ok                       WORKING            ok                       ok
  401              lasting  APPLE_KEY_REJECTED       KEY_REJECTED       APPLE_KEY_REJECTED       APPLE_KEY_REJECTED
  403-role         once     APPLE_FORBIDDEN          ROLE_TOO_NARROW    APPLE_FORBIDDEN          APPLE_FORBIDDEN
  403-role         lasting  APPLE_FORBIDDEN          ROLE_TOO_NARROW    APPLE_FORBIDDEN          APPLE_FORBIDDEN
  403-agreement    once     ok                       WORKING            APPLE_AGREEMENT_MISSING  APPLE_AGREEMENT_MISSING
  403-agreement    lasting  APPLE_AGREEMENT_MISSING  AGREEMENT_MISSING  APPLE_AGREEMENT_MISSING  APPLE_AGREEMENT_MISSING
  403-membership   once     APPLE_FORBIDDEN          ROLE_TOO_NARROW    APPLE_FORBIDDEN          APPLE_FORBIDDEN
  403-membership   lasting  APPLE_FORBIDDEN          ROLE_TOO_NARROW    APPLE_FORBIDDEN          APPLE_FORBIDDEN
  429              once     ok                       WORKING            APPLE_RATE_LIMITED       ok
  429              lasting  APPLE_RATE_LIMITED       RATE_LIMITED       APPLE_RATE_LIMITED       APPLE_RATE_LIMITED
  500              once     ok                       WORKING            OUTCOME_UNKNOWN          ok
  500              lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  502-html         once     ok                       WORKING            OUTCOME_UNKNOWN          ok
  502-html         lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  503              once     ok                       WORKING            OUTCOME_UNKNOWN          ok
  503              lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  504              once     ok                       WORKING            OUTCOME_UNKNOWN          ok
  504              lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  hang             once     APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  hang             lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  slow-in-time     once     ok                       WORKING            ok                       ok
  slow-in-time     lasting  ok                       WORKING            ok                       ok
  slow-too-late    once     APPLE_UNAVAILABLE        UNREACHABLE        ok                       ok
  slow-too-late    lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  trickle          once     APPLE_UNAVAILABLE        UNREACHABLE        ok                       ok
  trickle          lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  drop             once     ok                       WORKING            OUTCOME_UNKNOWN          ok
  drop             lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  truncated        once     ok                       WORKING            ok                       ok
  truncated        lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  500-after        once     ok                       WORKING            ok                       ok
  500-after        lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  drop-after       once     ok                       WORKING            ok                       ok
  drop-after       lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  hang-after       once     APPLE_UNAVAILABLE        UNREACHABLE        ok                       ok
  hang-after       lasting  APPLE_UNAVAILABLE        UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  bad-json         once     APPLE_UNEXPECTED_ANSWER  UNREACHABLE        ok                       ok
  bad-json         lasting  APPLE_UNEXPECTED_ANSWER  UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  empty            once     APPLE_UNEXPECTED_ANSWER  UNREACHABLE        ok                       ok
  empty            lasting  APPLE_UNEXPECTED_ANSWER  UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  huge             once     APPLE_UNEXPECTED_ANSWER  UNREACHABLE        ok                       ok
  huge             lasting  APPLE_UNEXPECTED_ANSWER  UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  redirect         once     APPLE_UNEXPECTED_ANSWER  UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  redirect         lasting  APPLE_UNEXPECTED_ANSWER  UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  foreign-next     once     ok                       WORKING            ok                       ok
  foreign-next     lasting  ok                       WORKING            ok                       ok
  repeat-next      once     ok                       WORKING            ok                       ok
  repeat-next      lasting  ok                       WORKING            ok                       ok
  extra-next       once     ok                       WORKING            ok                       ok
  extra-next       lasting  ok                       WORKING            ok                       ok
  bad-cursor       once     ok                       WORKING            ok                       ok
  bad-cursor       lasting  ok                       WORKING            ok                       ok
  missing-rows     once     ok                       WORKING            ok                       ok
  missing-rows     lasting  APPLE_UNEXPECTED_ANSWER  WORKING            ok                       ok
  no-total         once     ok                       WORKING            ok                       ok
  no-total         lasting  ok                       WORKING            ok                       ok
  clock-ahead      once     ok                       WORKING            ok                       ok
  clock-ahead      lasting  APPLE_KEY_REJECTED       CLOCK_SKEW         APPLE_KEY_REJECTED       APPLE_KEY_REJECTED
  clock-behind     once     ok                       WORKING            ok                       ok
  clock-behind     lasting  APPLE_KEY_REJECTED       CLOCK_SKEW         APPLE_KEY_REJECTED       APPLE_KEY_REJECTED
  null-attributes  once     ok                       WORKING            ok                       ok
  null-attributes  lasting  ok                       WORKING            OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  unknown-enum     once     ok                       WORKING            ok                       ok
  unknown-enum     lasting  ok                       WORKING            ok                       ok
  wrong-types      once     ok                       UNREACHABLE        ok                       ok
  wrong-types      once     provisioningProfiles     APPLE_UNEXPECTED_ANSWER
  wrong-types      once     bundleIds                APPLE_UNEXPECTED_ANSWER
  wrong-types      lasting  ok                       UNREACHABLE        OUTCOME_UNKNOWN          OUTCOME_UNKNOWN
  wrong-types      lasting  provisioningProfiles     APPLE_UNEXPECTED_ANSWER
  wrong-types      lasting  bundleIds                APPLE_UNEXPECTED_ANSWER
`;

/** Which column an operation is in. */
const COLUMN: Readonly<Record<Operation, number>> = {
  ...{ certificates: 0, provisioningProfiles: 0, bundleIds: 0, devices: 0 },
  ...{ verifyCredential: 1, registerBundleId: 2, registerDevices: 2, updateDevice: 3 },
};

/** What the table expects of each operation under a failure; a failure that it lacks is an error. */
export function expectedOf(failure: string, mode: Mode): Record<Operation, string> {
  const lines = TABLE.split("\n")
    .map((line) => line.trim().split(/\s{2,}/))
    .filter(([name, lasts]) => name === failure && lasts === mode)
    .map(([, , ...cells]) => cells);
  const codes = lines.find((cells) => cells.length === 4);
  if (codes === undefined) throw new Error(`The table has no line for ${failure} ${mode}`);
  const exceptions = new Map(lines.map(([operation = "", code = ""]) => [operation, code]));
  const expected = OPERATIONS.map((operation) => [operation, exceptions.get(operation) ?? codes[COLUMN[operation]]]);
  return Object.fromEntries(expected) as Record<Operation, string>;
}
