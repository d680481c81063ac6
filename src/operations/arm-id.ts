/*
 * Ids of the management API (ARM, "resource id"). Case does not matter in them; the way somebody wrote a name is kept.
 *
 *   /                                                              the tenant
 *   /subscriptions/SUB                                             a subscription
 *   /subscriptions/SUB/resourceGroups/GROUP                        a group
 *   GROUP/providers/NAMESPACE/TYPE/NAME                            a resource
 *   GROUP/providers/NAMESPACE/TYPE/NAME/TYPE/NAME                  its child
 *   SCOPE/providers/NAMESPACE/TYPE/NAME                            an extension of any of these
 *
 * A segment is percent-encoded, so that the name of a repository, which has slashes, is one.
 */

export interface ArmId {
  /** As it is shown; `/` for the tenant. */
  id: string;
  /** The same for comparing: lower-cased, encoded in one way. */
  key: string;
  /** `NAMESPACE/TYPE/TYPE`; of subscriptions and groups as ARM names them, of the tenant empty. */
  type: string;
  /** The last segment, decoded. */
  name: string;
  /** Id of what it lies in: the parent of a child, else the scope; undefined for the tenant. */
  parent: string | undefined;
  /** Whether the parent is a resource that must be there. */
  isChild: boolean;
}

const longestId = 2048;
const mostSegments = 32;

/** Reads an id; undefined where it is none, or longer than 2,048 characters. */
export function parseArmId(text: string): ArmId | undefined {
  if (text === '/') return { id: '/', key: '/', type: '', name: '', parent: undefined, isChild: false };
  const segments = segmentsOf(text.endsWith('/') ? text.slice(0, -1) : text);
  return segments && armIdOf(segments);
}

/** The decoded segments of a path that begins with a slash; undefined where one is empty or not to be decoded. */
export function segmentsOf(path: string): string[] | undefined {
  if (!path.startsWith('/') || path.length > longestId) return undefined;
  const segments = path.slice(1).split('/');
  if (segments.length > mostSegments) return undefined;
  try {
    const decoded = segments.map(decodeURIComponent);
    return decoded.every(isSegment) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** No control characters (PostgreSQL refuses NUL), and nothing that a path would be normalised by. */
function isSegment(segment: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return segment !== '' && segment !== '.' && segment !== '..' && !/[\u0000-\u001f\u007f]|\p{Cs}/u.test(segment);
}

/** The id that these decoded segments are; undefined where they are none, such as those of a collection. */
export function armIdOf(segments: readonly string[]): ArmId | undefined {
  const at = (index: number, word: string) => segments[index]?.toLowerCase() === word;
  let next = 0;
  let type = '';
  let parentEnd = 0;
  let isChild = false;
  if (at(0, 'subscriptions')) {
    next = 2;
    type = 'Microsoft.Resources/subscriptions';
    if (at(2, 'resourcegroups')) {
      next = 4;
      parentEnd = 2;
      type = 'Microsoft.Resources/subscriptions/resourceGroups';
    }
  }
  while (next < segments.length) {
    if (!at(next, 'providers')) return undefined;
    parentEnd = next;
    isChild = false;
    type = segments[next + 1] ?? '';
    next += 2;
    const first = next;
    for (; next < segments.length && !at(next, 'providers'); next += 2) {
      type += `/${segments[next]}`;
      if (next === first) continue;
      isChild = true;
      parentEnd = next;
    }
    if (next === first) return undefined;
  }
  if (next === 0 || next !== segments.length) return undefined;
  return {
    id: formatId(segments),
    key: keyOf(segments),
    type,
    name: segments.at(-1)!,
    parent: formatId(segments.slice(0, parentEnd)),
    isChild,
  };
}

/** The text of an id, or of any path of these decoded segments. */
export function formatId(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

function keyOf(segments: readonly string[]): string {
  return formatId(segments.map((segment) => segment.toLowerCase())).toLowerCase();
}

/** The key of an id, for comparing; undefined where it is none. */
export function armKey(id: string): string | undefined {
  return parseArmId(id)?.key;
}
