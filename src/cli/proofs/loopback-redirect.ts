/** A place on this machine to which a browser comes back from a login. */
export interface LoopbackRedirect extends Disposable {
  /** For `redirect_uri`. */
  uri: string;
  /** The address with which the browser came, for the request with this `state`. */
  arrived: Promise<URL>;
}

const page = (text: string, status = 200) =>
  new Response(`<!doctype html><meta charset="utf-8"><title>Bonded</title><p>${text}`, {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'",
      'referrer-policy': 'no-referrer',
    },
  });

/**
 * Listens on loopback, on any free port, for one redirect (RFC 8252 §7.3). What does not carry our `state` is not taken:
 * any page that the browser shows can send something here.
 */
export function openLoopbackRedirect(state: string, name: '127.0.0.1' | 'localhost'): LoopbackRedirect {
  const { promise, resolve } = Promise.withResolvers<URL>();
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const url = new URL(request.url);
      if (request.method !== 'GET' || url.pathname !== '/callback') return page('There is nothing here.', 404);
      if (url.searchParams.get('state') !== state) return page('This is not the login that was begun.', 400);
      resolve(url);
      return page('You may close this window, and go on where you began to log in.');
    },
  });
  return {
    uri: `http://${name}:${server.port}/callback`,
    arrived: promise,
    // What the browser is being answered is finished first.
    [Symbol.dispose]: () => void server.stop(),
  };
}
