import { tellOfApple } from "./apple.js";
import { tellOfSharing } from "./sharing.js";
import { tellOfSigning } from "./signing.js";
import { Teller, type Stage } from "./teller.js";

/** What came of the story: steps that were not as expected, and the tokens by whose they are. */
export interface Told {
  readonly failures: number;
  readonly tokens: Readonly<Record<string, string>>;
}

/** Tells the story of Acme through the public API, printing each question and answer. */
export async function tellStory(stage: Stage, say: (line: string) => void): Promise<Told> {
  const teller = new Teller(stage, say);
  const shared = await tellOfSharing(teller);
  await tellOfApple(teller, shared);
  await tellOfSigning(teller, shared);
  return { failures: teller.failures, tokens: shared.tokens };
}
