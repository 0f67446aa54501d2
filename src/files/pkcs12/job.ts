import { Worker } from "node:worker_threads";
import pLimit from "p-limit";
import type { ErrorCode } from "../../errors.js";
import type { Opened } from "./open.js";
import type { Parts } from "./write.js";

/** What a worker is asked: to open a .p12, or to write one. */
export type Job =
  | { readonly kind: "OPEN"; readonly bytes: Uint8Array; readonly password: string }
  | ({ readonly kind: "WRITE"; readonly encoding: "KEYCHAIN" | "MODERN" } & Parts);

/** What it answers. */
export type Answer =
  | { readonly opened: Opened }
  | { readonly written: Uint8Array }
  | {
      /** Null: the file is damaged. */
      readonly refusal: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly field: readonly string[] | null;
      } | null;
    };

/** A job that took longer than any file that a usual tool has made. */
export class TookTooLong extends Error {}

/**
 * The longest that a job may take once its worker has loaded. What is opened may be made to take long; what is written is
 * our own, and takes long only on a machine that is full.
 */
const JOB_MS_MOST = { OPEN: 5_000, WRITE: 60_000 } as const;
/** Each is a thread of its own, with its own memory: more would take both from the requests of others. */
const WORKERS_MOST = 2;
const HEAP_MB_MOST = 128;

const limit = pLimit(WORKERS_MOST);

/** Does a job in a worker of its own, which ends with it. Throws TookTooLong. */
export function run(job: Job): Promise<Answer> {
  return limit(() => start(job));
}

async function start(job: Job): Promise<Answer> {
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData: job,
    // Neither flags nor environment of the server are any of its business.
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MOST },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Answer>((resolve, reject) => {
      worker.on("message", (message: Answer | "STARTED") => {
        if (message !== "STARTED") {
          resolve(message);
          return;
        }
        timer = setTimeout(() => {
          reject(new TookTooLong());
        }, JOB_MS_MOST[job.kind]);
      });
      worker.on("error", reject);
      worker.on("exit", () => {
        reject(new Error("The worker ended without an answer."));
      });
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
