import { expect, test } from 'bun:test';
import { makeImage } from '../../test/http/registry.ts';
import { createOutbound } from '../outbound/index.ts';
import { contentOf, startOtherRegistry } from './import-rig.double.ts';
import { openArtifact } from './open-artifact.ts';

test('a layer that stops coming is asked for again from there', async () => {
  const image = makeImage();
  const rest = contentOf([image.config], { v1: { text: image.text } });
  const asked: (string | null)[] = [];
  await using registry = startOtherRegistry(({ headers }, path) => {
    if (!path.endsWith(image.layerDigest)) return rest(path);
    const range = headers.get('range');
    asked.push(range);
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const size = image.layer.byteLength;
    if (from > 0) {
      const contentRange = `bytes ${from}-${size - 1}/${size}`;
      return new Response(image.layer.slice(from), { status: 206, headers: { 'Content-Range': contentRange } });
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(image.layer.slice(0, 10)),
    });
    return new Response(body);
  });
  const { layers } = await openArtifact(`${registry.uri}/app:v1`, {
    outbound: createOutbound({ allow: ['127.0.0.1'] }),
    secrets: [],
    signal: new AbortController().signal,
    stallMs: 300,
  });
  expect(Buffer.concat(await Array.fromAsync(layers[0]!.read()))).toEqual(Buffer.from(image.layer));
  expect(asked).toEqual([null, 'bytes=10-']);
}, 20_000);
