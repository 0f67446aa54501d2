import { parseArgs } from "node:util";
import type { Pace } from "./rounds.js";

/** What a run of the benchmarks is told. */
export interface Options {
  /** Which parts run, in their order. */
  readonly parts: readonly string[];
  readonly pace: Pace;
  readonly soakSeconds: number;
  readonly growth: readonly number[];
  readonly repeats: number;
  /** Where the results are written, beside those of other parts that are there; null: nowhere. */
  readonly json: string | null;
  /** Whether docs/performance.md gets the results. */
  readonly writeDocs: boolean;
  /** Folder that gets a profile of Countersign's CPU under the reads; null: none is taken. */
  readonly profile: string | null;
  /** Results of an earlier run, instead of running; null: they are measured. */
  readonly from: string | null;
}

/** What `--help` prints. */
export const USAGE = `npm run bench -- [options]
  --parts a,b        only these parts, of: %PARTS%
  --quick            short rounds and small databases: for daily use, and not for publishing
  --rounds N         rounds of each comparison, taken in turns
  --seconds N        seconds of a round
  --soak-seconds N   how long the soak lasts
  --growth 1,10,50   how many times the rows the databases of the part growth hold
  --json FILE        writes the results there, beside those of other parts that the file has
  --write-docs       writes the tables of docs/performance.md, from the file of --json or --from where one is named
  --profile DIR      writes a profile of Countersign's CPU under the reads there, which slows it
  --from FILE        measures nothing, and takes the results of an earlier run`;

/** Reads the command line; null: it asks for help. Throws a RangeError or a TypeError that says what is wrong. */
export function readOptions(args: readonly string[], all: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      parts: { type: "string" },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      seconds: { type: "string" },
      "soak-seconds": { type: "string" },
      growth: { type: "string" },
      json: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      profile: { type: "string" },
      from: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const { quick } = values;
  const number = (name: "rounds" | "seconds" | "soak-seconds", otherwise: number): number => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (!(value > 0)) throw new RangeError(`--${name} takes a number above 0`);
    return value;
  };
  const growth = values.growth?.split(",").map(Number) ?? (quick ? [1, 3] : [1, 10, 50]);
  if (!growth.every((each) => Number.isInteger(each) && each > 0)) throw new RangeError("--growth takes whole numbers");
  const parts = values.parts?.split(",") ?? all;
  const unknown = parts.filter((part) => !all.includes(part));
  if (unknown.length > 0) throw new RangeError(`There is no part ${unknown.join(", ")}: there are ${all.join(", ")}`);
  return {
    parts: all.filter((part) => parts.includes(part)),
    pace: {
      rounds: number("rounds", quick ? 3 : 7),
      roundSeconds: number("seconds", quick ? 1 : 4),
      warmUpSeconds: quick ? 1 : 4,
    },
    soakSeconds: number("soak-seconds", quick ? 30 : 600),
    growth,
    repeats: quick ? 3 : 5,
    json: values.json ?? null,
    writeDocs: values["write-docs"],
    profile: values.profile ?? null,
    from: values.from ?? null,
  };
}
