import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FAILURE_KINDS } from "../../../src/sandbox/failure.js";
import { ACTS, OPERATIONS, type Operation } from "./faults-operation.js";
import { ANSWERED_WITHIN_MS, markdownOf, runMatrix, type Cell, type Matrix } from "./faults-run.js";
import { expectedOf, FAILURES, MODES, type Mode } from "./faults-table.js";

let matrix: Matrix;

beforeAll(async () => {
  matrix = await runMatrix(FAILURES);
}, 900_000);

/** `MATRIX=1` prints what came of it all. */
afterAll(() => {
  if (process.env["MATRIX"] === "1") process.stdout.write(markdownOf(matrix));
});

/** What came of each operation under a failure, as something of it that is compared. */
function each<T>(failure: string, mode: Mode, of: (cell: Cell, operation: Operation) => T): Record<string, T> {
  const cells = matrix[mode].get(failure);
  return Object.fromEntries(
    OPERATIONS.map((operation) => {
      const cell = cells?.get(operation);
      if (cell === undefined) throw new Error(`${operation} was not tried under ${failure}`);
      return [operation, of(cell, operation)];
    }),
  );
}

const all = <T>(value: T | ((operation: Operation) => T)) =>
  Object.fromEntries(
    OPERATIONS.map((operation) => [
      operation,
      typeof value === "function" ? (value as (of: Operation) => T)(operation) : value,
    ]),
  );

/** Codes that are the user's to mend stand in `userErrors`, all others in `errors[]`. */
const placeOf = (code: string): Cell["where"] =>
  code === "OUTCOME_UNKNOWN" ? "userErrors" : code.startsWith("APPLE_") ? "errors" : "data";

/** Whether what was to be made was sent once; or once more, after Apple had refused the token and it was looked for. */
function isSentOnce({ calls }: Cell): boolean {
  const posts = calls.flatMap(({ method }, index) => (method === "POST" && isOfDeed(calls[index]) ? [index] : []));
  const [first = 0, second = 0] = posts;
  if (posts.length <= 1) return true;
  const between = calls.slice(first + 1, second);
  return posts.length === 2 && calls[first]?.status === 401 && between.some(({ method }) => method === "GET");
}

const isOfDeed = (call: Cell["calls"][number] | undefined): boolean =>
  call?.path === "/v1/devices" || call?.path === "/v1/bundleIds";

test("every kind of failure is tried", () => {
  const tried = [...FAILURES.values()].map(({ kind }) => kind);
  expect(new Set(tried)).toEqual(new Set(FAILURE_KINDS));
});

describe.each(MODES)("a failure of Apple's that meets an operation %s", (mode) => {
  describe.each([...FAILURES.keys()])("%s", (failure) => {
    test("is answered as the table says, where such a code stands", () => {
      const expected = expectedOf(failure, mode);
      expect(each(failure, mode, ({ code }) => code)).toEqual(expected);
      expect(each(failure, mode, ({ where }) => where)).toEqual(all((operation) => placeOf(expected[operation])));
    });

    test("is answered in time", () => {
      expect(each(failure, mode, ({ ms }) => ms < ANSWERED_WITHIN_MS)).toEqual(all(true));
    });

    test("lets nothing be sent or done twice", () => {
      expect(each(failure, mode, isSentOnce)).toEqual(all(true));
      const isChange = (operation: Operation): boolean => ACTS[operation].method !== "GET";
      expect(each(failure, mode, ({ acted }) => acted)).toEqual(all((operation) => (isChange(operation) ? 1 : 0)));
    });

    test("leaves nothing behind: the same again comes right, and the graph shows what Apple has", () => {
      const wasMade = each(failure, mode, ({ calls }) => calls.some(({ acted }) => acted));
      const again = (operation: Operation): string => {
        if (operation === "verifyCredential") return "WORKING";
        return operation === "registerBundleId" && wasMade[operation] === true ? "ALREADY_EXISTS" : "ok";
      };
      expect(each(failure, mode, (cell) => cell.again)).toEqual(all(again));
      expect(each(failure, mode, ({ end }) => end?.graph)).toEqual(each(failure, mode, ({ end }) => end?.apple));
    });
  });
});
