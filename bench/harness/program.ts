import { spawn, type ChildProcess } from "node:child_process";

/** A server in a process of its own. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Origin that it listens at. */
  readonly url: string;
  /** Ends it, and resolves when it has ended. */
  readonly stop: () => Promise<void>;
}

/** Every program that runs, so that none is left when the benchmarks end. */
const running = new Set<Program>();

/**
 * Starts a program and waits for the line that says where it listens. What it logs goes to standard error; `command` is
 * this Node unless another is named. It can send messages by IPC.
 */
export function start(args: readonly string[], env: NodeJS.ProcessEnv, command = process.execPath): Promise<Program> {
  const child = spawn(command, args, {
    env: { PATH: process.env["PATH"], NODE_ENV: "production", ...env },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    const ended = new Promise<void>((done) =>
      child.once("exit", () => {
        done();
      }),
    );
    child.stdout?.on("data", (chunk: Buffer) => {
      const url = /listening at (http:\/\/[\d.]+:\d+)/.exec(chunk.toString())?.[1];
      if (url === undefined) return;
      const program: Program = {
        ...{ child, pid: child.pid ?? 0, url },
        stop: async () => {
          running.delete(program);
          child.kill();
          await ended;
        },
      };
      running.add(program);
      resolve(program);
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`${args.join(" ")} ended with ${code ?? "a signal"}`));
    });
  });
}

/** Ends every program that still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.stop()));
}
