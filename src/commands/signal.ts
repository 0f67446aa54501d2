/** Resolves on the first SIGINT or SIGTERM; a second one ends the process at once, as it does by default. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}

/** Ends the process after so many seconds at the latest, whatever it still waits for: with exit status 1. */
export function endWithin(seconds: number): void {
  setTimeout(() => {
    console.error(`Not all had ended after ${seconds} s: what was left unfinished is gone on with by another process.`);
    process.exit(1);
  }, seconds * 1000).unref();
}
