import { readText } from '../read-text.ts';
import { UsageError } from '../../failure.ts';

/** Longest key set that a server takes (bytes). */
const maxBytes = 1_048_576;

/** Reads a key set (RFC 7517, 5) from a file. Throws UsageError. */
export async function readKeySet(path: string): Promise<{ keys: Record<string, unknown>[] }> {
  const text = await readText('--jwks-file', path, maxBytes);
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    if (Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null)) {
      return { keys: keys.map(publicPart) };
    }
  } catch {
    // Told below; the text may be a secret.
  }
  throw new UsageError(`--jwks-file: ${path} is no key set; it has the form {"keys": [{"kty": …}]}`);
}

/** What is private in a key is nobody's business. */
function publicPart(key: Record<string, unknown>): Record<string, unknown> {
  const secret = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
  if (Object.keys(key).some((name) => secret.includes(name))) {
    throw new UsageError('--jwks-file: it has private keys; a server is given the public ones');
  }
  return key;
}
