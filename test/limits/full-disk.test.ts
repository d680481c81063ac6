import { expect, test } from 'bun:test';
import { fetch } from '../http/fetch.ts';
import {
  digestOf,
  errorOf,
  type Image,
  openUpload,
  pushBlob,
  pushImage,
  putManifest,
  randomBytes,
} from '../http/registry.ts';
import type { TestProcess } from '../support/server.ts';
import type { Migrated } from './migrating.ts';
import { haveSmallDisks, openSmallDisk } from './small-disk.ts';

const MiB = 1024 * 1024;
const given = test.skipIf(!haveSmallDisks);

/** A refusal as it must be: status, code and sentence for the client, the reason for the log. */
async function expectFull(response: Response, server: TestProcess, reason: RegExp): Promise<void> {
  expect(response.status).toBe(507);
  const { code, message, detail } = await errorOf(response);
  expect(code).toBe('INSUFFICIENT_STORAGE');
  expect(message).toContain('no space left');
  const line = () =>
    server
      .output()
      .split('\n')
      .find((text) => text.includes(detail.requestId));
  for (const until = Date.now() + 5000; !line() && Date.now() < until; await Bun.sleep(10));
  const { level, cause } = JSON.parse(line()!) as { level: string; cause: string };
  expect(level).toBe('warn');
  expect(cause).toMatch(reason);
}

async function expectPulled(server: TestProcess, name: string, tag: string, image: Image): Promise<void> {
  const manifest = await fetch(`${server.url}/v2/${name}/manifests/${tag}`);
  expect(await manifest.text()).toBe(image.text);
  const layer = await fetch(`${server.url}/v2/${name}/blobs/${image.layerDigest}`);
  expect(digestOf(await layer.bytes())).toBe(image.layerDigest);
}

const patch = (session: string, body: Uint8Array<ArrayBuffer>) => fetch(session, { method: 'PATCH', body });

given('an upload that finds the disk full keeps what it had, and goes on once there is room', async () => {
  await using disk = await openSmallDisk('size=48m');
  await using server = await disk.start();
  const image = await pushImage(server.url, 'app', 'v1');
  const bytes = randomBytes(20 * MiB);
  const session = await openUpload(server.url, 'app');
  expect((await patch(session, bytes.subarray(0, 4 * MiB))).status).toBe(202);
  await disk.fill(2 * MiB);
  await expectFull(await patch(session, bytes.subarray(4 * MiB)), server, /ENOSPC|no space/i);
  const whole = `${server.url}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`;
  await expectFull(await fetch(whole, { method: 'POST', body: bytes }), server, /ENOSPC|no space/i);
  // What was refused takes no space: others may need less.
  expect(await disk.available()).toBeGreaterThan(1.5 * MiB);
  const status = await fetch(session);
  expect(status.status).toBe(204);
  expect(status.headers.get('range')).toBe(`0-${4 * MiB - 1}`);
  await expectPulled(server, 'app', 'v1', image);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);

  await disk.free();
  expect((await patch(session, bytes.subarray(4 * MiB))).status).toBe(202);
  expect((await fetch(`${session}?digest=${digestOf(bytes)}`, { method: 'PUT' })).status).toBe(201);
  await server.end();
  expect(await disk.bonded('fsck', '--verify')).toEqual({ code: 0, out: 'facts and bytes agree\n' });
});

given(
  'a commit that finds the disk full is refused whole; what was acknowledged stays, and later ones succeed',
  async () => {
    await using disk = await openSmallDisk('size=240m');
    await using server = await disk.start();
    const image = await pushImage(server.url, 'app', 'v0');
    const texts = new Map([['v0', image.text]]);
    const push = async (tag: string) => {
      const filling = `${tag} `.padEnd(1_000_000, 'x');
      const text = JSON.stringify({ ...JSON.parse(image.text), annotations: { filling } });
      const response = await putManifest(server.url, 'app', tag, text);
      if (response.status === 201) texts.set(tag, text);
      return response;
    };
    // Room for the log until it is to be copied into the database, but not for all of the copy.
    await disk.fill(40 * MiB);
    const refused: Response[] = [];
    // In a row: a copy that came to its end makes room in the log.
    for (let at = 1; refused.length < 5; at++) {
      expect(at).toBeLessThan(200);
      const response = await push(`v${at}`);
      if (response.status === 201) refused.length = 0;
      else refused.push(response);
    }
    for (const response of refused) await expectFull(response, server, /full|ENOSPC/i);
    expect(texts.size).toBeGreaterThan(5);
    for (const [tag, text] of texts) {
      expect(await (await fetch(`${server.url}/v2/app/manifests/${tag}`)).text()).toBe(text);
    }
    const { tags } = (await (await fetch(`${server.url}/v2/app/tags/list`)).json()) as { tags: string[] };
    expect(tags.toSorted()).toEqual([...texts.keys()].toSorted());

    await disk.free();
    for (let at = 100; at < 110; at++) expect((await push(`v${at}`)).status).toBe(201);
    // The log is copied into the database again.
    for (
      const until = Date.now() + 45_000;
      disk.size('bonded.db') < 16 * MiB && Date.now() < until;
      await Bun.sleep(50)
    ) {
      await pushBlob(server.url, 'app', `${Math.random()}`);
    }
    expect(disk.size('bonded.db')).toBeGreaterThan(16 * MiB);
    await server.end('SIGKILL');
    await using again = await disk.start();
    for (const [tag, text] of texts) {
      expect(await (await fetch(`${again.url}/v2/app/manifests/${tag}`)).text()).toBe(text);
    }
    await again.end();
    expect(await disk.bonded('fsck', '--verify')).toEqual({ code: 0, out: 'facts and bytes agree\n' });
  },
);

given('a disk without room for another file refuses pushes, and takes them again', async () => {
  await using disk = await openSmallDisk('size=32m,nr_inodes=400');
  await using server = await disk.start();
  const image = await pushImage(server.url, 'app', 'v1');
  await disk.fillInodes();
  const bytes = randomBytes(1000);
  const url = `${server.url}/v2/app/blobs/uploads/?digest=${digestOf(bytes)}`;
  await expectFull(await fetch(url, { method: 'POST', body: bytes }), server, /ENOSPC|no space/i);
  await expectPulled(server, 'app', 'v1', image);
  await disk.free();
  expect((await fetch(url, { method: 'POST', body: bytes })).status).toBe(201);
  await server.end();
  expect(await disk.bonded('fsck', '--verify')).toEqual({ code: 0, out: 'facts and bytes agree\n' });
});

given('a start that finds the disk full says so, leaves what is there, and succeeds with room', async () => {
  await using disk = await openSmallDisk('size=8m');
  for (const leave of [0, 16 * 1024, 64 * 1024, 200 * 1024]) {
    await disk.fill(leave);
    const { code, out } = await disk.bonded('serve', '--listen', '127.0.0.1:0');
    expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(/^bonded: .*no space is left/) as string });
    await disk.free();
  }
  await using server = await disk.start();
  await pushImage(server.url, 'app', 'v1');
  await server.end();
  expect(await disk.bonded('fsck', '--verify')).toEqual({ code: 0, out: 'facts and bytes agree\n' });
});

given('a migration that finds the disk full changes nothing, and is applied once there is room', async () => {
  await using disk = await openSmallDisk('size=16m');
  const migrate = async (version: string) => JSON.parse(await disk.run('migrating.ts', version)) as Migrated;
  expect(await migrate('old')).toEqual({ kept: 'sample' });
  await disk.fill(1 * MiB);
  expect(await migrate('new')).toEqual({ failed: expect.stringContaining('no space is left') as string });
  expect(await migrate('old')).toEqual({ kept: 'sample' });
  await disk.free();
  expect(await migrate('new')).toEqual({ kept: 'sample', added: 5 });
});
