import { parentPort, workerData } from "node:worker_threads";
import { Refusal } from "../../errors.js";
import { openPkcs12 } from "./open.js";
import { writeKeychain, writeModern, type Parts } from "./write.js";
import type { Answer, Job } from "./job.js";

/** Does the one job that the thread was started for: node-forge and the derivation of keys never hold up the server. */
function answer(job: Job): Answer {
  if (job.kind === "OPEN") {
    try {
      return { opened: openPkcs12(Buffer.from(job.bytes), job.password) };
    } catch (error) {
      // Libraries throw of all kinds at crafted bytes, and their messages may hold some of them.
      if (!(error instanceof Refusal)) return { refusal: null };
      return { refusal: { code: error.code, message: error.message, field: error.field } };
    }
  }
  const parts: Parts = job;
  return { written: job.encoding === "KEYCHAIN" ? writeKeychain(parts) : writeModern(parts) };
}

// Loading is over: from here on time is counted.
parentPort?.postMessage("STARTED");
parentPort?.postMessage(answer(workerData as Job));
