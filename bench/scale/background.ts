import { openFacts } from '../../src/app/index.ts';
import { type Catalog, checkCatalog, collectStep, commitBlob } from '../../src/catalog/index.ts';
import { loadConfiguration } from '../../src/configuration.ts';
import type { Digest } from '../../src/oci/index.ts';
import { fetch } from '../../test/http/fetch.ts';
import { type Registry, serve } from './registry.ts';
import { nameOf } from './world.ts';

const day = 86_400_000;

/** The facts of a registry whose server does not run, with a clock that stands still until it is moved. */
export interface Opened extends AsyncDisposable {
  catalog: Catalog;
  clock: { now: number };
}

export async function open({ data, url }: Registry): Promise<Opened> {
  const flags = { data, 'database.url': url };
  const facts = await openFacts(loadConfiguration({ environment: {}, file: undefined, flags }).value);
  const clock = { now: Date.now() };
  const catalog = { ...facts.catalog, now: () => clock.now };
  return { catalog, clock, [Symbol.asyncDispose]: () => facts[Symbol.asyncDispose]() };
}

let made = 0;

/** Milliseconds that the collector needs for each of `count` blobs, anywhere, that nobody names. */
export async function collectTime(registry: Registry, count: number): Promise<number> {
  await using opened = await open(registry);
  const { catalog } = opened;
  const past = { ...catalog, now: () => Date.now() - 2 * day };
  for (let n = 0; n < count; n++) {
    const hex = (++made).toString(16).padStart(64, '0');
    const blob = { digest: `sha256:${hex}` as Digest, size: 1, key: `sha256/${hex}-${registry.name}` };
    const name = nameOf(Math.floor(Math.random() * registry.world.repositories));
    await catalog.db.write((tx) => commitBlob(past, tx, registry.id, name, blob), { durable: n === count - 1 });
  }
  let blobs = 0;
  const began = performance.now();
  for (let left = true; left;) {
    const done = await collectStep(catalog, 100);
    if (done.failures.length > 0) throw done.failures[0]!.error;
    blobs += done.blobs;
    left = done.examined > 0;
  }
  if (blobs < count) throw new Error(`only ${blobs} of ${count} blobs were collected`);
  return (performance.now() - began) / blobs;
}

/** Milliseconds from the start of a server to its first answer. */
export async function startTime(registry: Registry): Promise<number> {
  const began = performance.now();
  const server = await serve(registry);
  try {
    const response = await fetch(`${server.url}/v2/${nameOf(0)}/tags/list?n=1`);
    if (!response.ok) throw new Error(`the first request was answered with ${response.status}`);
    return performance.now() - began;
  } finally {
    await server.end();
  }
}

/** Compares the facts with each other for so many seconds at most. Throws at the first finding. */
export async function checkTime(registry: Registry, mostSeconds: number): Promise<{ seconds: number; whole: boolean }> {
  await using opened = await open(registry);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const late = Bun.sleep(mostSeconds * 1000).then(() => 'late' as const);
  const first = await Promise.race([late, checkCatalog(opened.catalog, { repair: false }).next()]);
  if (first === 'late') return { seconds: seconds(), whole: false };
  if (!first.done) throw new Error(`the facts are damaged: ${JSON.stringify(first.value)}`);
  return { seconds: seconds(), whole: true };
}
