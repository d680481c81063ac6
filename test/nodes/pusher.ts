import { fetch } from '../http/fetch.ts';
import { digestOf, type Image, makeImage, ociManifest, randomBytes } from '../http/registry.ts';

/** An image whose push was answered with 201. */
export interface Acknowledged {
  repository: string;
  tag: string;
  image: Image;
}

/** What a storm of pushes met. */
export interface Tally {
  acknowledged: Acknowledged[];
  /** Answers that were no success, and connections that broke, by what they were. */
  refusals: Map<string, number>;
}

export const newTally = (): Tally => ({ acknowledged: [], refusals: new Map() });

/** An answer that is no success, or none at all. */
class Refused extends Error {}

/**
 * What clients try again: crane repeats broken connections and 408, 429, 500, 502, 503 and 504; oras the same but for
 * the PUT of a blob, skopeo where it is told to, and whoever pushes then repeats the push; whoever is told
 * that an upload is unknown or busy begins it anew; and a push whose blobs were collected before its manifest came is
 * repeated as a whole by whoever pushes.
 */
const repeatable =
  /^(?:connection|408|429|500|502|503|504|404 BLOB_UPLOAD_UNKNOWN|409 BLOB_UPLOAD_INVALID|400 MANIFEST_BLOB_UNKNOWN|404 MANIFEST_BLOB_UNKNOWN)/;

/** A client that sends each request to some node. */
export interface Pusher {
  /** Pushes an image as clients do, repeating what they repeat for `patienceMs`; what it met is in the tally. */
  push(repository: string, tag: string, image?: Image): Promise<void>;
}

export function createPusher(tally: Tally, node: () => string, patienceMs = 60_000): Pusher {
  async function send(path: string, init: RequestInit, expected: number): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(node() + path, { ...init, keepalive: false, signal: AbortSignal.timeout(45_000) });
    } catch (error) {
      throw note(`connection: ${(error as { code?: string }).code ?? (error as Error).name}`);
    }
    if (response.status === expected) return response;
    const text = await response.text().catch(() => '');
    const code = /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? '';
    throw note(`${response.status} ${code}`.trim());
  }

  function note(what: string): Refused {
    tally.refusals.set(what, (tally.refusals.get(what) ?? 0) + 1);
    return new Refused(what);
  }

  async function insist<T>(act: () => Promise<T>, again = repeatable): Promise<T> {
    for (const until = performance.now() + patienceMs; ; await Bun.sleep(100)) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof Refused) || !again.test(error.message) || performance.now() > until) throw error;
      }
    }
  }

  /** POST, two PATCHes and PUT, each on some node. */
  async function pushBlob(repository: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const opened = await send(`/v2/${repository}/blobs/uploads/`, { method: 'POST' }, 202);
    const location = opened.headers.get('location')!;
    const half = bytes.length >> 1;
    for (const [start, end] of [
      [0, half],
      [half, bytes.length],
    ] as const) {
      if (start === end) continue;
      const headers = { 'Content-Range': `${start}-${end - 1}`, 'Content-Type': 'application/octet-stream' };
      await send(location, { method: 'PATCH', headers, body: bytes.subarray(start, end) }, 202);
    }
    await send(`${location}?digest=${digestOf(bytes)}`, { method: 'PUT' }, 201);
  }

  async function pushAll(repository: string, tag: string, image: Image): Promise<void> {
    for (const blob of [new TextEncoder().encode(image.config), image.layer])
      await insist(() => pushBlob(repository, blob));
    const headers = { 'Content-Type': ociManifest };
    const manifest = { method: 'PUT', headers, body: image.text };
    await insist(
      () => send(`/v2/${repository}/manifests/${tag}`, manifest, 201),
      // Of blobs that are gone, the whole push is repeated.
      /^(?:connection|408|429|500|502|503|504)/,
    );
  }

  return {
    async push(repository, tag, image = makeImage(randomBytes(2000))) {
      await insist(() => pushAll(repository, tag, image));
      tally.acknowledged.push({ repository, tag, image });
    },
  };
}

/** Looks at everything that was acknowledged, through every node; returns what is missing or wrong. */
export async function findLost(nodes: readonly { url: string }[], acknowledged: readonly Acknowledged[]) {
  const lost: string[] = [];
  const look = async (url: string, { repository, image }: Acknowledged) => {
    const manifest = await fetch(`${url}/v2/${repository}/manifests/${image.digest}`);
    if ((await manifest.text()) !== image.text) lost.push(`${url} ${repository}@${image.digest}`);
    for (const digest of [image.layerDigest, digestOf(image.config)]) {
      const blob = await fetch(`${url}/v2/${repository}/blobs/${digest}`);
      if (digestOf(new Uint8Array(await blob.arrayBuffer())) !== digest) lost.push(`${url} ${repository}@${digest}`);
    }
  };
  for (const { url } of nodes) {
    const rest = acknowledged.values();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const one of rest) await look(url, one);
      }),
    );
  }
  return lost;
}
