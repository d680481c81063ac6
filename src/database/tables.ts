/**
 * Every table of the schema. Empty here on purpose: the folder that owns a table declares it, by module augmentation,
 * in its own `tables.ts`, and hands its migrations to `openDatabase` through `app/`.
 */
export interface Tables {}
