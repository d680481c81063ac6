import { type Answer, headerOf } from '../client/answer.ts';
import type { Sender } from '../client/content.ts';
import { openRaw, type RawConnection, type Request, type Target } from '../client/raw-client.ts';

/** One connection at a time to a registry; another one when the server closes it between two requests. */
export interface ZbConnection extends Sender {
  close(): void;
}

/** Requests to this URL say who they are from by `authorization`; those that it leads on to do not. */
export function connectTo(url: URL, authorization: string | undefined): ZbConnection {
  const target = { ...targetOf(url), authorization };
  let connection: RawConnection | undefined;
  const open = async () => {
    if (!connection || connection.closed) connection = await openRaw(target);
    return connection;
  };
  return {
    async send(request) {
      const answer = await (await open()).send(request);
      if (/^close$/i.test(headerOf(answer, 'connection'))) connection?.close();
      // Registries on object storage lead to it for the bytes.
      const elsewhere = answer.status >= 300 && answer.status < 400 ? headerOf(answer, 'location') : '';
      return elsewhere === '' || request.method !== 'GET' ? answer : follow(new URL(elsewhere, url), request);
    },
    close: () => connection?.close(),
  };
}

/** One step only: a place that leads on is answered as it is. */
async function follow(url: URL, request: Request): Promise<Answer> {
  const connection = await openRaw(targetOf(url));
  try {
    return await connection.send({ ...request, path: `${url.pathname}${url.search}` });
  } finally {
    connection.close();
  }
}

function targetOf(url: URL): Target {
  const tls = url.protocol === 'https:';
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  return { hostname: url.hostname.replaceAll(/^\[|\]$/g, ''), port, tls };
}
