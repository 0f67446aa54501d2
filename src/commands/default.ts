/** What the commands take where they are told nothing. Apart from them, so that naming it in a help text loads none. */

/** The port of a sandbox. */
export const SANDBOX_PORT = 4010;

/** For so long a data key that seals nothing stays: longer than a query or a mutation may take that read before. */
export const GRACE_SECONDS = 60;
