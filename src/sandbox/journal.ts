import { createHash } from "node:crypto";
import type { Program } from "./team/team.js";

/** One call, as the sandbox remembers it. */
export interface JournalEntry {
  /** ISO 8601. */
  readonly at: string;
  readonly method: string;
  readonly path: string;
  /** Without the question mark; empty where there was none. */
  readonly query: string;
  /** `kid` of the token as presented, whether it was right or not. */
  readonly keyId: string | null;
  /** Whose audience the token named. */
  readonly program: Program | null;
  /** Null while there is no answer, and for good where it hung or was dropped. */
  status: number | null;
  /** Whether the call changed something of the team: set before the answer goes out, whatever becomes of the answer. */
  acted: boolean;
  /** SHA-256 of the token, so that distinct signatures can be counted. The token itself is not kept. */
  readonly tokenId: string | null;
}

const MAX_ENTRIES = 10_000;

/** The calls that Apple's side of the sandbox was asked, oldest first; the oldest go first when there are too many. */
export class Journal {
  readonly entries: JournalEntry[] = [];

  /** Notes a call. The entry comes back, for its status and its effect to be put in. */
  add(call: Omit<JournalEntry, "status" | "acted" | "tokenId">, token: string | undefined): JournalEntry {
    const tokenId = token === undefined ? null : createHash("sha256").update(token).digest("hex");
    const entry: JournalEntry = { ...call, status: null, acted: false, tokenId };
    this.entries.push(entry);
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
    return entry;
  }

  /** Forgets every call. */
  clear(): void {
    this.entries.length = 0;
  }
}
