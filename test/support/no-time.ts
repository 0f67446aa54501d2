/** Longer than anything that goes once over its input takes on a busy machine, and shorter than what goes over it again and again. */
export const NO_TIME_MS = 20_000;
