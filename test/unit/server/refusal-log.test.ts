import { Writable } from "node:stream";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { RefusalLog } from "../../../src/server/refusal-log.js";

interface Line {
  readonly level: number;
  readonly refusal: object;
  readonly requestId: string;
  readonly unsaid?: number;
}

const lines: Line[] = [];
const stream = new Writable({
  write: (line: Buffer, _, done) => {
    lines.push(JSON.parse(line.toString()) as Line);
    done();
  },
});

test("says what was refused twenty times a second at most, and how much it has not said", () => {
  let now = 5_000;
  const log = new RefusalLog(pino({ level: "info", base: null }, stream), () => now);
  const note = (requestId: string): void => {
    log.note("UNAUTHENTICATED", "no token", { actorId: null, ipAddress: "192.0.2.1", requestId });
  };
  for (let n = 0; n < 50; n += 1) note(`early ${n}`);
  expect(lines.map(({ requestId }) => requestId)).toEqual(Array.from({ length: 20 }, (_, n) => `early ${n}`));
  now = 6_000;
  for (let n = 0; n < 2; n += 1) note(`late ${n}`);
  const refusal = { code: "UNAUTHENTICATED", reason: "no token", ipAddress: "192.0.2.1" };
  expect(lines.slice(20)).toEqual([
    expect.objectContaining({ level: 40, refusal, requestId: "late 0", unsaid: 30 }),
    expect.objectContaining({ level: 40, refusal, requestId: "late 1" }),
  ]);
  expect(lines[21]).not.toHaveProperty("unsaid");
});
