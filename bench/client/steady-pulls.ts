import { fetch } from '../../test/http/fetch.ts';
import { p99, requestSteadily, type Stream } from './steady-requests.ts';

/** 99th percentiles (ms). */
export interface PullLatencies {
  manifest: number;
  blob: number;
}

/**
 * Gets the image `repository:latest` and its layer from a server, at a fixed rate, whatever the answers take. Code that
 * is new to the process is compiled first, for `warmSeconds`, which do not count.
 */
export async function pullSteadily(
  { port, url }: { port: number; url: string },
  repository: string,
  seconds: number,
  warmSeconds = Math.min(1, seconds),
): Promise<PullLatencies> {
  const manifest = `/v2/${repository}/manifests/latest`;
  const { layers } = (await (await fetch(url + manifest)).json()) as { layers: { digest: string }[] };
  const streams = (): [Stream, Stream] => [
    { path: manifest, perSecond: 200, times: [] },
    { path: `/v2/${repository}/blobs/${layers[0]!.digest}`, perSecond: 20, times: [] },
  ];
  await requestSteadily(port, streams(), warmSeconds);
  const measured = streams();
  await requestSteadily(port, measured, seconds);
  return { manifest: p99(measured[0]), blob: p99(measured[1]) };
}

/** Runs a program over and over while `work` goes on. */
export async function beside<T>(
  command: readonly string[],
  work: () => Promise<T>,
  environment: Record<string, string | undefined> = process.env,
): Promise<T> {
  let done = false;
  const runs = (async () => {
    while (!done) {
      const child = Bun.spawn([...command], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
      if ((await child.exited) !== 0) throw new Error(`${command.join(' ')} failed`);
    }
  })();
  try {
    return await Promise.race([work(), runs.then(() => Promise.reject(new Error('it ended early')))]);
  } finally {
    done = true;
    await runs;
  }
}
