/**
 * Where a page begins, from the `last` that a client sent: any text, PostgreSQL's cannot hold a NUL. No name has one
 * either, so what comes after `a` is what comes after `a\0…`.
 */
export function afterName(last: string): string {
  const nul = last.indexOf('\0');
  return nul === -1 ? last : last.slice(0, nul);
}
