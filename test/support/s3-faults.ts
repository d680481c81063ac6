import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/**
 * What may befall any request. `refuse`, `slow-down`, `reset` and `silence` come before the server sees it; `lost-answer`
 * and `lost-in-silence` after it did what was asked; `late` breaks the connection and has it done afterwards, if all of
 * it had arrived; `truncate` breaks off half-way through the answer's body, and `stall` stops there.
 */
export const faults = [
  'refuse',
  'slow-down',
  'reset',
  'silence',
  'lost-answer',
  'lost-in-silence',
  'late',
  'truncate',
  'stall',
] as const;

/**
 * `pretend` answers that an upload is completed which is not. `not-implemented` and `ignore-copy` are what providers say
 * that copy no parts: that they do not, or as if the part were empty.
 */
export type Fault = (typeof faults)[number] | 'pretend' | 'not-implemented' | 'ignore-copy';

/** As `late`: called when the connection is broken; it is done when the promise resolves. */
export type Later = () => Promise<void>;

export interface S3Request {
  operation: string;
  /** Path without the query. */
  path: string;
  headers: Record<string, string | string[] | undefined>;
}

export interface S3Faults extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request so far. */
  readonly requests: S3Request[];
  /** Requests to the server whose answers are still under way, and those that are yet to be sent. */
  open(): number;
  /** From now on nothing gets through, as of a process that died; what is under way may still be done. */
  kill(): void;
}

const lateMs = 300;

/** A proxy in front of an S3 server that does to each request what `decide` says. */
export async function startS3Faults(
  target: string,
  decide: (seen: S3Request) => Fault | Later | undefined = () => undefined,
): Promise<S3Faults> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 });
  const requests: S3Request[] = [];
  let dead = false;
  let open = 0;

  const forward = (
    incoming: IncomingMessage,
    body: Buffer | undefined,
    answered: (answer: IncomingMessage) => void,
  ) => {
    const { method, url: path, headers } = incoming;
    open++;
    // The signature covers Host, so it is handed on as it came.
    const outgoing = request({ hostname, port, method, path, headers, agent }, (found) => {
      found.on('error', broken);
      answered(found);
    });
    outgoing.once('close', () => open--);
    outgoing.on('error', () => hangUp(incoming));
    if (body) outgoing.end(body);
    else incoming.pipe(outgoing);
    incoming.once('close', () => {
      if (!incoming.complete) outgoing.destroy();
    });
    return outgoing;
  };

  function answer(incoming: IncomingMessage, response: ServerResponse, fault: Fault | Later | undefined): void {
    if (dead || fault === 'reset') return hangUp(incoming);
    if (fault === 'silence') return void incoming.resume();
    if (typeof fault === 'function') return void later(incoming, fault);
    if (fault && fault in refusals) return refuse(incoming, response, fault as keyof typeof refusals);
    if (fault === 'late') return void later(incoming, () => Bun.sleep(lateMs));
    if (fault === 'pretend') return pretend(incoming, response);
    if (fault === 'ignore-copy') return void response.writeHead(200, { etag: '"1"' }).end();
    let answering = false;
    const outgoing = forward(incoming, undefined, (found) => {
      if (fault === 'lost-answer') found.resume().once('end', () => hangUp(incoming));
      if (fault === 'lost-in-silence') found.resume();
      if (fault === 'lost-answer' || fault === 'lost-in-silence') return;
      if (response.destroyed) return void found.resume();
      answering = true;
      response.writeHead(found.statusCode!, found.headers);
      if (fault === 'truncate' || fault === 'stall') sendHalf(found, response, fault);
      else found.pipe(response);
    });
    // Whoever goes away early does not keep the server from doing what it was asked.
    response.once('close', () => {
      if (answering && !response.writableFinished) outgoing.destroy();
    });
  }

  async function later(incoming: IncomingMessage, until: Later): Promise<void> {
    open++;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      hangUp(incoming);
      await until();
      forward(incoming, Buffer.concat(chunks), (found) => void found.resume());
    } catch {
      // Its client went away before it had sent all of it.
    } finally {
      open--;
    }
  }

  const server = createServer((incoming, response) => {
    incoming.on('error', broken);
    response.on('error', broken);
    const seen = describe(incoming);
    requests.push(seen);
    answer(incoming, response, decide(seen));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    open: () => open,
    kill() {
      dead = true;
      server.closeAllConnections();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Connections break here as they are told to, and when a client gives up: whoever waits for the other end hears of it. */
function broken(): void {}

/** Destroying a request that has been read to its end breaks no connection. */
function hangUp(incoming: IncomingMessage): void {
  incoming.socket.destroy();
}

const refusals = {
  refuse: [500, 'InternalError'],
  'slow-down': [503, 'SlowDown'],
  'not-implemented': [501, 'NotImplemented'],
} as const satisfies Partial<Record<Fault, [status: number, code: string]>>;

function refuse(incoming: IncomingMessage, response: ServerResponse, fault: keyof typeof refusals): void {
  incoming.resume();
  const [status, code] = refusals[fault];
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>try again</Message></Error>`);
}

function pretend(incoming: IncomingMessage, response: ServerResponse): void {
  incoming.resume();
  response.writeHead(200, { 'content-type': 'application/xml' });
  response.end('<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>');
}

function sendHalf(found: IncomingMessage, response: ServerResponse, fault: 'truncate' | 'stall'): void {
  const half = Number(found.headers['content-length'] ?? 0) / 2;
  let sent = 0;
  found.on('data', (chunk: Buffer) => {
    sent += chunk.length;
    if (sent <= half) response.write(chunk);
    else {
      response.write(chunk.subarray(0, Math.max(0, chunk.length - (sent - half))), () => {
        if (fault === 'truncate') response.destroy();
      });
      found.removeAllListeners('data').destroy();
    }
  });
}

function describe({ method, url = '', headers }: IncomingMessage): S3Request {
  const [path = '', query = ''] = url.split('?');
  return { operation: operationOf(method, new URLSearchParams(query), headers), path, headers };
}

function operationOf(method: string | undefined, query: URLSearchParams, headers: IncomingMessage['headers']): string {
  const copies = headers['x-amz-copy-source'] !== undefined;
  if (method === 'PUT' && query.has('partNumber')) return copies ? 'UploadPartCopy' : 'UploadPart';
  if (method === 'PUT') return copies ? 'CopyObject' : 'PutObject';
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST') return query.has('delete') ? 'DeleteObjects' : 'CompleteMultipartUpload';
  if (method === 'DELETE') return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
  if (method === 'HEAD') return 'HeadObject';
  if (query.has('uploads')) return 'ListMultipartUploads';
  if (query.has('uploadId')) return 'ListParts';
  return query.has('list-type') ? 'ListObjectsV2' : 'GetObject';
}
