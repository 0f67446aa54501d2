import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { KeyRefused, readOrMakeKeyFile } from "../../../src/vault/key-provider.js";
import type { Secret } from "../../../src/vault/secret.js";

const base64Of = (secret: Secret) => secret.use((bytes) => bytes.toString("base64"));
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "countersign-key-"));
  path = join(directory, "vault.key");
});
afterEach(() => rm(directory, { recursive: true }));

describe("the key file", () => {
  test("is made at the first start, for its owner alone, and read at the next", async () => {
    const made = await readOrMakeKeyFile(path);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toBe(`${base64Of(made)}\n`);
    expect(base64Of(await readOrMakeKeyFile(path))).toBe(base64Of(made));
    expect(await readdir(directory)).toEqual(["vault.key"]);
  });

  test("is made with its folder, when that is missing", async () => {
    const deep = join(directory, "data", "keys", "vault.key");
    await readOrMakeKeyFile(deep);
    expect((await stat(join(directory, "data", "keys"))).mode & 0o777).toBe(0o700);
  });

  test("is one and the same for many that make it at once in a process", async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => readOrMakeKeyFile(path)));
    expect(new Set(keys.map(base64Of)).size).toBe(1);
    expect(await readdir(directory)).toEqual(["vault.key"]);
  });

  test("is one and the same for processes that start at once", async () => {
    const module = new URL("../../../src/vault/key-provider.js", import.meta.url).href;
    const script = `const { readOrMakeKeyFile } = await import(process.argv[1]);
      const key = await readOrMakeKeyFile(process.argv[2]);
      process.stdout.write(key.use((bytes) => bytes.toString("base64")));`;
    const start = () => promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, module, path]);
    const outputs = await Promise.all([start(), start(), start(), start()]);
    expect(new Set(outputs.map(({ stdout }) => stdout))).toEqual(new Set([(await readFile(path, "utf8")).trim()]));
    expect(await readdir(directory)).toEqual(["vault.key"]);
  }, 30_000);

  test.each([0o640, 0o604, 0o660, 0o644, 0o620, 0o601])(
    "is refused with mode %i, and the message says chmod 600",
    async (mode) => {
      await readOrMakeKeyFile(path);
      await chmod(path, mode);
      await expect(readOrMakeKeyFile(path)).rejects.toThrow(KeyRefused);
      await expect(readOrMakeKeyFile(path)).rejects.toThrow(`chmod 600 ${path}`);
    },
  );

  test("may be read-only", async () => {
    const made = await readOrMakeKeyFile(path);
    await chmod(path, 0o400);
    expect(base64Of(await readOrMakeKeyFile(path))).toBe(base64Of(made));
  });

  test("may be a symbolic link, whose target's mode counts", async () => {
    const target = join(directory, "target.key");
    const made = await readOrMakeKeyFile(target);
    await symlink(target, path);
    expect(base64Of(await readOrMakeKeyFile(path))).toBe(base64Of(made));
    await chmod(target, 0o644);
    await expect(readOrMakeKeyFile(path)).rejects.toThrow("chmod 600");
  });

  test.each([
    ["empty", ""],
    ["of another length", randomBytes(16).toString("base64")],
    ["of zeros", Buffer.alloc(32).toString("base64")],
    ["of two lines", `${randomBytes(32).toString("base64")}\n`.repeat(2)],
    ["binary", randomBytes(32).toString("latin1")],
    ["huge", "A".repeat(1_000_000)],
  ])("is refused when it is %s, without showing it and without replacing it", async (_what, text) => {
    await writeFile(path, text, { mode: 0o600 });
    const attempt = readOrMakeKeyFile(path);
    await expect(attempt).rejects.toThrow(KeyRefused);
    await expect(attempt).rejects.toThrow(path);
    await expect(attempt).rejects.not.toThrow(text.slice(0, 12) || "never");
    expect(await readFile(path, "utf8")).toBe(text);
  });

  test("is refused when it is a folder", async () => {
    await mkdir(path);
    await expect(readOrMakeKeyFile(path)).rejects.toThrow("is no file");
  });
});
