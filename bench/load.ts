import { spawn, type ChildProcess } from "node:child_process";
import { Agent, request } from "undici";

/** Connections that a load is put on with. */
export const CONNECTIONS = 16;

export const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });
/** Asks once, and gives the answer. */
export type Ask = () => Promise<string>;

/** Answers a second, over a number of connections at once. */
export async function measure(ask: Ask, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000;
  const start = performance.now();
  let answers = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < end) {
      await ask();
      answers += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, loop));
  return answers / ((performance.now() - start) / 1000);
}

/** The one in the middle. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Starts a server of its own process and waits for the line that says where it listens. */
export function start(args: string[], env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      const url = /listening at (http:\/\/[\d.]+:\d+)/.exec(chunk.toString())?.[1];
      if (url !== undefined) resolve({ child, url });
    });
    child.on("exit", (code) => {
      reject(new Error(`${args[0] ?? ""} ended with ${code ?? "a signal"}`));
    });
  });
}

/** The body of an answer that has to be good, over the connections of the load unless others are named. */
export async function text(url: string, init: Parameters<typeof request>[1]): Promise<string> {
  const { statusCode, body } = await request(url, { dispatcher: agent, ...init });
  const answer = await body.text();
  if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}: ${answer.slice(0, 200)}`);
  return answer;
}
