/*
 * What a query may be at most. Whoever may search may send anything: each bound keeps the work of reading a query, and of
 * asking it of one row, a small constant.
 */

/** Characters of a query, as JavaScript counts them. */
export const mostCharacters = 4096;
/** Words and signs of one; no query of people comes near. */
export const mostTokens = 1500;
/** Levels of parentheses, calls and members in one another. */
export const mostDepth = 32;
/** Operators behind the table. */
export const mostOperators = 24;
/** Values of `in (…)`, arguments of a call. */
export const mostListed = 200;
/** Columns of a row at any step, and keys of an order or of groups. */
export const mostColumns = 50;
export const mostKeys = 8;
/** Rows that `take` and `top` may ask for. */
export const mostTaken = 100_000;
/** Rows that are kept at once: groups of `summarize` and `distinct`, and what is taken in an order and then worked on. */
export const mostKept = 10_000;
/** All that is kept at once, in characters. */
export const mostKeptCharacters = 4 * 1024 * 1024;
/** Characters of a text by which rows are put in order. */
export const mostCompared = 256;
/** Characters of a value in which a text is looked for, and of that text. */
export const mostSearched = 16 * 1024;
export const mostSought = 256;
/** Characters of a text that a query makes of others. */
export const mostMade = 4096;
