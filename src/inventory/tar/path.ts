/**
 * The path of an entry from the root of the image: `a/b` for `./a/b`, `/a//b` and `a/./b/`; empty for the root itself.
 * Undefined where it leads upward, even if not out of the root: no builder writes that.
 */
export function normalisePath(name: string): string | undefined {
  // Most names are as they should be, but for `./` in front.
  const path = name.startsWith('./') ? name.slice(2) : name;
  if (isPlain(path)) return path;
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') return undefined;
    if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments.join('/');
}

function isPlain(path: string): boolean {
  if (path === '' || path.startsWith('/') || path.startsWith('.') || path.endsWith('/')) return false;
  return !path.includes('//') && !path.includes('/.');
}

export function depthOf(path: string): number {
  let depth = 1;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth++;
  return depth;
}

/** The path in front of the last segment; undefined for one segment alone. */
export function parentOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? undefined : path.slice(0, slash);
}
