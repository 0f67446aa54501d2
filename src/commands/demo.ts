export async function demo(c: unknown, o: unknown) {
  await Promise.resolve([c, o]);
}
