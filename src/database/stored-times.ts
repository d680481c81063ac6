/**
 * No clock is ahead of another by so much (ms): a stored time that lies further ahead of now was written by one that was wrong, and
 * says nothing.
 */
export const aheadMs = 86_400_000;
