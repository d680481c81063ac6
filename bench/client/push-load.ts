import { type Image, pushImage, smallImage } from './content.ts';
import { local, openRaw } from './raw-client.ts';

export interface PushLoad {
  /** Images a second. */
  rate: number;
  /** How long each took (ms). */
  times: number[];
}

/** Pushes small images for some seconds, each connection one after the other. */
export async function pushFor(
  port: number,
  { connections, seconds }: { connections: number; seconds: number },
  repositoryOf: (image: number) => string,
): Promise<PushLoad> {
  const images: Image[] = [];
  for (let made = 0; made < 256; made++) images.push(smallImage());
  let pushed = 0;
  const times: number[] = [];
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = await openRaw(local(port));
      while (performance.now() < until) {
        const number = pushed++;
        const image = images.pop() ?? smallImage();
        const sent = performance.now();
        await pushImage(connection, repositoryOf(number), `t${number}`, image);
        times.push(performance.now() - sent);
      }
      connection.close();
    }),
  );
  return { rate: pushed / ((performance.now() - began) / 1000), times };
}
