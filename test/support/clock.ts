import { jest } from "@jest/globals";

/** All that tells or takes time but `Date`: these go on as ever. */
const REAL = [
  ...(["hrtime", "nextTick", "performance", "queueMicrotask", "setImmediate", "clearImmediate"] as const),
  ...(["setInterval", "clearInterval", "setTimeout", "clearTimeout"] as const),
];

/** Lets `Date` stand still until `jest.useRealTimers()`; gives what moves it on. */
export function stopClock(at = new Date("2026-01-02T03:04:05Z")): (ms: number) => void {
  jest.useFakeTimers({ now: at, doNotFake: [...REAL] });
  return (ms) => {
    jest.setSystemTime(Date.now() + ms);
  };
}
