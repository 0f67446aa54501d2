import { Agent, request } from "undici";

/** Connections that a load is put on with. */
export const CONNECTIONS = 16;

/** The connections of the load. */
export const agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });

/** A request. */
export interface Question {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Asks once. Rejects where the answer is not a good one. */
export type Ask = () => Promise<unknown>;

/** What came of a load. */
export interface Load {
  readonly answers: number;
  readonly seconds: number;
  /** Of each answer, in the order they came. */
  readonly latenciesMs: readonly number[];
}

/** The body of an answer that has to be good, over the connections of the load unless others are named. */
export async function text({ url, method, headers, body }: Question, dispatcher = agent): Promise<string> {
  const { statusCode, body: stream } = await request(url, { dispatcher, method, headers, body });
  const answer = await stream.text();
  if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}: ${answer.slice(0, 300)}`);
  return answer;
}

/**
 * Asks the same again and again, and looks at each answer's status and length alone: what it holds was compared before,
 * and the load shall cost little beside the servers, which run on the same cores.
 */
export function repeatedly({ url, method, headers, body }: Question, bytes: number): Ask {
  const { origin, pathname, search } = new URL(url);
  const options = { origin, path: `${pathname}${search}`, method, headers: { ...headers }, body };
  return () =>
    new Promise<void>((resolve, reject) => {
      let status = 0;
      let received = 0;
      agent.dispatch(options, {
        onRequestStart: () => undefined,
        onResponseStart: (_, statusCode) => {
          status = statusCode;
        },
        onResponseData: (_, chunk) => {
          received += chunk.length;
        },
        onResponseEnd: () => {
          if (status === 200 && received === bytes) resolve();
          else reject(new Error(`${url} answered ${status} with ${received} bytes, and not 200 with ${bytes}`));
        },
        onResponseError: (_, error) => {
          reject(error);
        },
      });
    });
}

/** Asks one after another of several, and begins again. */
export function inTurn(asks: readonly Ask[]): Ask {
  let turn = 0;
  return () => {
    turn += 1;
    return asks[turn % asks.length]?.() ?? Promise.resolve();
  };
}

/** Asks over a number of connections at once, each anew as soon as it is answered. */
export async function put(ask: Ask, seconds: number, connections = CONNECTIONS): Promise<Load> {
  const start = performance.now();
  const end = start + seconds * 1000;
  const latenciesMs: number[] = [];
  const loop = async (): Promise<void> => {
    for (let now = performance.now(); now < end;) {
      await ask();
      const answered = performance.now();
      latenciesMs.push(answered - now);
      now = answered;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  return { answers: latenciesMs.length, seconds: (performance.now() - start) / 1000, latenciesMs };
}

/** Asks a number of things, so many at once, each once. */
export async function putAll(asks: readonly Ask[], connections = CONNECTIONS): Promise<Load> {
  const start = performance.now();
  const latenciesMs: number[] = [];
  const left = asks.values();
  const loop = async (): Promise<void> => {
    for (const ask of left) {
      const asked = performance.now();
      await ask();
      latenciesMs.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  return { answers: latenciesMs.length, seconds: (performance.now() - start) / 1000, latenciesMs };
}

/** The value that a part of all is not above; 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/** The one in the middle; 0 of none. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Milliseconds that something takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
