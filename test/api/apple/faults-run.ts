import type { Failure } from "../../../src/sandbox/failure.js";
import type { JournalEntry } from "../../../src/sandbox/journal.js";
import { seed, type Story } from "../../support/seed.js";
import { startTestServer, type TestServer } from "../../support/server.js";
import { ACTS, OPERATIONS, shown, subjectOf, type Ending, type Operation } from "./faults-operation.js";
import { MODES, type Mode } from "./faults-table.js";

/** For one call to Apple with its retries: where the failure is that none comes, and where that shall not decide. */
const SHORT_DEADLINE_MS = 2_000;
const LONG_DEADLINE_MS = 20_000;
/** How long an operation may take: the calls that come late, which are two at most, and what a busy machine needs. */
export const ANSWERED_WITHIN_MS = 2 * LONG_DEADLINE_MS + 20_000;

/** Kinds whose answer does not come before the deadline. */
const LATE: readonly Failure["kind"][] = ["hang", "hang-after", "slow", "trickle"];
/** Servers that try failures at once, each with a sandbox of its own. */
const SERVERS = { late: 1, others: 1 };

/**
 * What is tried at once, and then made good: never as much on one host as opens its breaker. Changes are tried with
 * keys of the Enterprise Program, whose host is another.
 */
const STEPS: Readonly<Record<Mode, readonly (readonly Operation[])[]>> = {
  once: [OPERATIONS],
  lasting: [OPERATIONS.filter((operation) => operation !== "updateDevice"), ["updateDevice"]],
};
const isOfEnterprise = (operation: Operation): boolean => ACTS[operation].method !== "GET";

/** What an operation came to under a failure, and what the same operation came to afterwards. */
export interface Cell extends Ending {
  readonly ms: number;
  /** The calls that Apple got with this key, until the failure was over. */
  readonly calls: readonly JournalEntry[];
  readonly again: string;
  /** All that the key got done at Apple, in both. */
  readonly acted: number;
  /** What is at Apple in the end, and what of it the graph shows; of a change alone. */
  readonly end: { readonly apple: readonly string[]; readonly graph: readonly string[] } | null;
}

/** By mode, row and operation. */
export type Matrix = Readonly<Record<Mode, Map<string, Map<Operation, Cell>>>>;

/** Tries every failure on every operation. */
export async function runMatrix(failures: ReadonlyMap<string, Failure>): Promise<Matrix> {
  const matrix: Matrix = { once: new Map(), lasting: new Map() };
  const jobs = [...failures].flatMap(([name, failure]) =>
    MODES.map((mode) => ({ failure, mode, cells: new Map<Operation, Cell>(), name })),
  );
  for (const { mode, name, cells } of jobs) matrix[mode].set(name, cells);
  const isLate = ({ failure }: { failure: Failure }): boolean =>
    LATE.includes(failure.kind) && !("delayMs" in failure && failure.delayMs < SHORT_DEADLINE_MS / 4);
  const [late, others] = [jobs.filter(isLate), jobs.filter((job) => !isLate(job))];
  const lane = async (queue: typeof jobs, deadlineMs: number): Promise<void> => {
    const server = await startTestServer({ APPLE_DEADLINE_MS: String(deadlineMs) });
    try {
      const story = await seed(server);
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
        for (const step of STEPS[job.mode]) {
          for (const [operation, cell] of await runStep(server, story, step, job)) job.cells.set(operation, cell);
        }
      }
    } finally {
      await server.close();
    }
  };
  await Promise.all([
    ...Array.from({ length: SERVERS.late }, () => lane(late, SHORT_DEADLINE_MS)),
    ...Array.from({ length: SERVERS.others }, () => lane(others, LONG_DEADLINE_MS)),
  ]);
  return matrix;
}

/** Some operations at once, each with a key of its own: first under the failure, then without. */
async function runStep(
  server: TestServer,
  story: Story,
  step: readonly Operation[],
  { failure, mode }: { failure: Failure; mode: Mode },
): Promise<(readonly [Operation, Cell])[]> {
  const { sandbox } = server;
  const met = await Promise.all(
    step.map(async (operation) => {
      const program = isOfEnterprise(operation) ? "enterprise" : "app-store";
      const subject = await subjectOf(server, story, program);
      const { keyId } = subject;
      const { method, path, looks, run } = ACTS[operation];
      if (mode === "once") {
        sandbox.failNext({ match: { keyId, method, path }, failure });
      } else {
        if (looks > 0) sandbox.failNext({ match: { keyId }, times: looks, failure: { kind: "slow", delayMs: 0 } });
        sandbox.failNext({ match: { keyId }, times: "always", failure });
      }
      const start = performance.now();
      const ending = await run(subject);
      return { operation, subject, ending, ms: performance.now() - start };
    }),
  );
  sandbox.clearFailures();
  return Promise.all(
    met.map(async ({ operation, subject, ending, ms }) => {
      const callsOf = () => sandbox.journal.filter(({ keyId }) => keyId === subject.keyId);
      const calls = callsOf();
      const { method, run } = ACTS[operation];
      const again = await run(subject);
      const acted = callsOf().filter((call) => call.acted).length;
      const end = method === "GET" ? null : await shown(subject, operation);
      return [operation, { ...ending, ms, calls, again: again.code, acted, end }] as const;
    }),
  );
}

/** The matrix as tables of Markdown: the code of each cell, and how long it took. */
export function markdownOf(matrix: Matrix): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return MODES.map((mode) => {
    const rows = [...matrix[mode]].map(([failure, cells]) => {
      const texts = OPERATIONS.map((operation) => {
        const { code = "", ms = 0 } = cells.get(operation) ?? {};
        return `${code} ${Math.round(ms)} ms`;
      });
      return line([`\`${failure}\``, ...texts]);
    });
    const head = [line([mode, ...OPERATIONS]), line(["---", ...OPERATIONS.map(() => "---")])];
    return `\n${[...head, ...rows].join("\n")}\n`;
  }).join("");
}
