import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FAILURE_KINDS, isCarriedOut, type Failure } from "../../../src/sandbox/failure.js";
import { startSandbox, type Sandbox } from "../../../src/sandbox/server.js";
import { DEFAULT_SETTINGS } from "../../../src/sandbox/settings.js";
import type { Program } from "../../../src/sandbox/team/team.js";
import { send } from "./caller.js";

const METHODS = ["GET", "POST", "PATCH", "DELETE"];

/** The rows of the tables of docs/sandbox.md whose first cell is code, by their section; code without its marks. */
function rows(title: string): string[][] {
  const text = readFileSync("docs/sandbox.md", "utf8");
  const section = text.split(/^## /m).find((candidate) => candidate.startsWith(title)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| `"));
  return lines.map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim().replaceAll("`", ""))
      .slice(1, -1),
  );
}

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

describe("the documentation", () => {
  test("says which failures leave a write done", () => {
    expect(rows("Make it fail").map(([kind, effect]) => [kind, effect])).toEqual(
      FAILURE_KINDS.map((kind) => [kind, isCarriedOut({ kind } as Failure) ? "done" : "not done"]),
    );
  });

  test("has every setting, and every form of the header", () => {
    const names = rows("Settings").map(([name]) => name);
    const forms = ["on", "off", "two", "joined", "loose", "garbled"] as const;
    expect(names).toEqual([...Object.keys(DEFAULT_SETTINGS), ...forms]);
    for (const rateLimitHeader of forms) sandbox.configure({ rateLimitHeader });
    sandbox.configure(DEFAULT_SETTINGS);
  });

  test("has what the journal tells", async () => {
    const key = await sandbox.registerKey({ program: "app-store" });
    await send(sandbox.url, key, "GET", "/v1/devices");
    expect(new Set(rows("The journal").map(([name]) => name))).toEqual(new Set(Object.keys(sandbox.journal[0] ?? {})));
  });

  const operations = rows("What it does")
    .flatMap(([paths = "", methods = "", enterprise]) =>
      paths.split(", ").map((path) => ({ path, methods, enterprise })),
    )
    .filter(({ path }) => !path.includes("…"));
  const PROGRAMS: Program[] = ["app-store", "enterprise"];

  test.each(operations.flatMap((operation) => PROGRAMS.map((program) => ({ ...operation, program }))))(
    "says what $path takes in the $program program",
    async ({ path, methods, enterprise, program }) => {
      const key = await sandbox.registerKey({ program });
      const there = program === "app-store" || enterprise === "yes";
      for (const method of METHODS) {
        const body = ["POST", "PATCH"].includes(method) ? {} : undefined;
        const reply = await send(sandbox.url, key, method, path.replace("{id}", "NOBODY0000"), body, {
          program,
        });
        const refusal = reply.status >= 400 ? reply.body.errors[0]?.code : undefined;
        const routed = refusal !== "METHOD_NOT_ALLOWED" && refusal !== "PATH_ERROR";
        expect({ method, routed }).toEqual({ method, routed: there && methods.split(", ").includes(method) });
      }
    },
  );
});
