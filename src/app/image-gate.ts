import { contentOf } from '../catalog/index.ts';
import type { Database } from '../database/index.ts';
import { matchRoute } from '../distribution/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Caller, Gate } from '../identity/index.ts';
import { type Digest, parseManifest } from '../oci/index.ts';
import { callerOf } from './gates.ts';

/**
 * Holds a scanner to the one image that its token is for: its manifest by digest, and the blobs that this names, to be read. It
 * comes behind the gate that knows repositories and rights; for everybody else it does nothing.
 */
export function imageGate(db: Database): Gate {
  const parts = new WeakMap<Caller, Promise<ReadonlySet<string>>>();

  async function requirePart(caller: Caller, reference: string): Promise<void> {
    let known = parts.get(caller);
    if (!known) {
      parts.set(caller, (known = partsOf(db, caller.holder.image!.digest as Digest)));
      // What failed is tried again.
      known.catch(() => parts.delete(caller));
    }
    if (!(await known).has(reference)) throw refusal();
  }

  return (exchange, asked) => {
    const caller = callerOf(exchange.caller);
    const { image } = caller.holder;
    if (caller.kind !== 'scanner' || !image) return;
    const isRead = exchange.method === 'GET' || exchange.method === 'HEAD';
    if (isRead && asked.isBase) return;
    const route = matchRoute(exchange.path);
    if (!isRead || (route?.kind !== 'manifest' && route?.kind !== 'blob')) throw refusal();
    if (route.name !== image.repository) throw refusal();
    if (route.kind === 'blob') return requirePart(caller, route.digest);
    if (route.reference !== image.digest) throw refusal();
  };
}

async function partsOf(db: Database, digest: Digest): Promise<ReadonlySet<string>> {
  const content = await contentOf(db, digest);
  const { references } = content ? parseManifest(content.bytes, content.mediaType) : { references: [] };
  return new Set(references.filter(({ role }) => role === 'config' || role === 'layer').map((one) => one.digest));
}

const refusal = () =>
  new RegistryError('DENIED', {
    message: 'this token is for the manifest and the blobs of one image alone, to be read',
    detail: { reason: 'other_image' },
  });
