import { readText } from '../read-text.ts';
import { UsageError } from '../../failure.ts';

/** Longest key set that a server takes (bytes). */
const maxBytes = 1_048_576;

/** Reads a key set (RFC 7517, 5) from a file. Throws UsageError, which repeats nothing of what is in it. */
export async function readKeySet(path: string): Promise<{ keys: Record<string, unknown>[] }> {
  const keys = keysIn(await readText('--jwks-file', path, maxBytes));
  if (!keys) throw new UsageError(`--jwks-file: ${path} is no key set; it has the form {"keys": [{"kty": …}]}`);
  if (keys.some(isPrivate))
    throw new UsageError(`--jwks-file: ${path} has private keys; a server is given the public ones`);
  return { keys };
}

function keysIn(text: string): Record<string, unknown>[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    const all = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null);
    return all ? keys : undefined;
  } catch {
    return undefined;
  }
}

const privateParts = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const isPrivate = (key: Record<string, unknown>) => privateParts.some((name) => Object.hasOwn(key, name));
