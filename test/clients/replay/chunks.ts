import { randomBytes } from 'node:crypto';
import { fetch } from '../../http/fetch.ts';
import { credentialsFor } from '../../support/credentials.ts';
import type { ClientTest, Stage } from '../client-test.ts';
import { same } from '../pull.ts';
import { head, openConnection } from './connection.ts';
import { part, type Part } from './image.ts';

const chunkBytes = 65_536;
const noticedWithinMs = 5000;

/** An upload session of a repository, written to in chunks that say where they begin. */
async function openUpload({ registry }: Stage, repository: string) {
  const opened = await fetch(`${registry.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  same('status of POST', opened.status, 202);
  const location = opened.headers.get('location')!;
  const address = registry.url + location;
  return {
    location,
    status: () => fetch(address),
    /** Sends bytes from `start` to `end`, not included. */
    patch: ({ bytes }: Part, start: number, end: number) =>
      fetch(address, {
        method: 'PATCH',
        headers: { 'content-range': `${start}-${end - 1}`, 'content-type': 'application/octet-stream' },
        body: bytes.subarray(start, end),
      }),
    async finish({ digest }: Part) {
      const done = await fetch(`${address}?digest=${encodeURIComponent(digest)}`, { method: 'PUT' });
      same('status of PUT', done.status, 201);
      same('digest', done.headers.get('docker-content-digest'), digest);
    },
  };
}

/** Begins a chunk and hangs up in the middle. Resolves when the server has noticed. */
async function breakOff({ registry }: Stage, upload: Awaited<ReturnType<typeof openUpload>>, blob: Part, sent: number) {
  {
    await using connection = await openConnection(registry.host);
    const request = `PATCH ${upload.location} HTTP/1.1
      Host: ${registry.host}
      Authorization: ${credentialsFor(registry.url).authorization}
      Content-Length: ${blob.size}
      Content-Range: 0-${blob.size - 1}
      Content-Type: application/octet-stream`;
    connection.send(head(request), blob.bytes.subarray(0, sent));
    await Bun.sleep(100);
  }
  for (const until = Date.now() + noticedWithinMs; Date.now() < until; await Bun.sleep(20)) {
    const range = (await upload.status()).headers.get('range');
    if (range !== '0-0') return Number(range?.split('-')[1]) + 1;
  }
  throw new Error('the server kept nothing of the chunk that broke off');
}

const makeBlob = () => part('application/octet-stream', randomBytes(1_000_000));

export const chunks: ClientTest[] = [
  {
    name: 'one after the other, as the .NET SDK pushes',
    needs: [],
    async run(stage) {
      const blob = makeBlob();
      const upload = await openUpload(stage, 'chunks/dotnet');
      for (let start = 0; start < blob.size; start += chunkBytes) {
        const end = Math.min(start + chunkBytes, blob.size);
        const response = await upload.patch(blob, start, end);
        same('status of PATCH', response.status, 202);
        same('Range', response.headers.get('range'), `0-${end - 1}`);
        same('Location', response.headers.get('location'), upload.location);
      }
      await upload.finish(blob);
    },
  },
  {
    name: 'from where the registry says that it got, after the connection broke',
    needs: [],
    async run(stage) {
      const blob = makeBlob();
      const upload = await openUpload(stage, 'chunks/resumed');
      const kept = await breakOff(stage, upload, blob, 400_000);
      same('kept no more than was sent', kept <= 400_000, true);
      same('status of PATCH', (await upload.patch(blob, kept, blob.size)).status, 202);
      await upload.finish(blob);
    },
  },
  {
    name: 'from 0 again after the connection broke, as apple/container pushes',
    needs: [],
    async run(stage) {
      const blob = makeBlob();
      const upload = await openUpload(stage, 'chunks/restarted');
      await breakOff(stage, upload, blob, 400_000);
      same('status of PATCH', (await upload.patch(blob, 0, blob.size)).status, 202);
      await upload.finish(blob);
    },
  },
  {
    name: 'out of order, which is refused with the place to go on from',
    needs: [],
    async run(stage) {
      const blob = makeBlob();
      const upload = await openUpload(stage, 'chunks/out-of-order');
      same('status of the first', (await upload.patch(blob, 0, 1000)).status, 202);
      const refused = await upload.patch(blob, 2000, 3000);
      same('status', refused.status, 416);
      same('Range', refused.headers.get('range'), '0-999');
      same('Location', refused.headers.get('location'), upload.location);
      same('status of the rest', (await upload.patch(blob, 1000, blob.size)).status, 202);
      await upload.finish(blob);
    },
  },
];
