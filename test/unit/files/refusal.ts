import { Refusal } from "../../../src/errors.js";

/** What a reading was refused with; an error where it was not, or with anything but a Refusal. */
export async function refusalOf(read: () => unknown): Promise<Refusal> {
  try {
    await read();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("It was read.");
}
