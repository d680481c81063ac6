import { readFile } from 'node:fs/promises';
import { type Outbound, type OutboundAnswer, OutboundError } from '../../outbound/index.ts';
import type { HarborConfig } from './config.ts';
import { type Engine, EngineError, type EngineImage, type EngineReport } from './engine.ts';
import { type AdapterMetadata, readHarborReport, readMetadata } from './harbor-report.ts';
import { line, objectOf } from './untrusted.ts';

/*
 * The scanner adapter API of Harbor, version 1.2, as its client:
 *
 *   GET /metadata ──> POST /scan ──> 202, an id ──> GET /scan/ID/report ──> 200
 *                                                        │  ^
 *                                                        └──┘ 302 and Refresh-After: not ready
 */

const types = {
  metadata: 'application/vnd.scanner.adapter.metadata+json',
  request: 'application/vnd.scanner.adapter.scan.request+json',
  response: 'application/vnd.scanner.adapter.scan.response+json; version=1.0',
} as const;

/** Bytes of an answer that is no report, and how long one call may take (ms). */
const answerBytes = 256 * 1024;
const callMs = 60_000;
/** Bounds of the pause between two questions (ms), and the one where the adapter says nothing. */
const leastPauseMs = 1000;
const mostPauseMs = 60_000;
const usualPauseMs = 5000;
/** Of a secret (bytes). */
const mostSecret = 16 * 1024;

export interface HarborOptions {
  outbound: Outbound;
  now(): number;
  /**
   * Where an adapter pulls an image, and with what: a token that is good for the manifest and the blobs of this one image alone,
   * in this one repository, to read, for so long (ms).
   */
  accessTo(image: EngineImage, engine: string, lastsMs: number): { url: string; token: string };
}

/** An adapter as an engine. */
export function createHarborEngine(config: HarborConfig, { outbound, now, accessTo }: HarborOptions): Engine {
  const { name, url, timeout, maxReport, parallel } = config;

  async function call(
    path: string,
    {
      signal,
      ...request
    }: { accept: string; contentType?: string; body?: string; maxBytes?: number; signal: AbortSignal },
  ): Promise<OutboundAnswer> {
    signal.throwIfAborted();
    const headers = {
      ...(await credentialsOf(config)),
      ...(request.contentType && { 'content-type': request.contentType }),
    };
    try {
      return await outbound.request(`${url}/api/v1${path}`, {
        method: request.body === undefined ? 'GET' : 'POST',
        headers,
        accept: request.accept,
        ...(request.body !== undefined && { body: request.body }),
        maxBytes: request.maxBytes ?? answerBytes,
        timeoutMs: Math.min(callMs, timeout),
        keepsRedirects: true,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof OutboundError)
        throw new EngineError(`the adapter cannot be asked: ${error.message}`, { cause: error });
      throw error;
    }
  }

  async function metadata(signal: AbortSignal): Promise<AdapterMetadata> {
    const accept = `${types.metadata}; version=1.1, ${types.metadata}; version=1.0`;
    const answer = await call('/metadata', { accept, signal });
    if (answer.status !== 200) throw refusalOf(answer, 'says nothing of itself');
    return readMetadata(textOf(answer), now());
  }

  /** Hands an image in; resolves with the id of its scan. */
  async function submit(
    image: EngineImage,
    { hasTypes, reportType }: AdapterMetadata,
    signal: AbortSignal,
  ): Promise<string> {
    const access = accessTo(image, name, timeout + callMs);
    const capability = { type: 'vulnerability', produces_mime_types: [reportType] };
    const body = JSON.stringify({
      registry: { url: access.url, authorization: `Bearer ${access.token}` },
      artifact: { repository: image.place.repository, digest: image.digest, mime_type: image.mediaType },
      ...(hasTypes && { enabled_capabilities: [capability] }),
    });
    const contentType = `${types.request}; version=${hasTypes ? '1.1' : '1.0'}`;
    const answer = await call('/scan', { accept: types.response, contentType, body, signal });
    const { status } = answer;
    if (status === 501 || status === 422 || status === 415) throw refusalOf(answer, 'does not scan this image', true);
    // Some answer with 200.
    if (status !== 202 && status !== 200) throw refusalOf(answer, 'takes no scan');
    const id = objectOf(jsonOf(answer))?.['id'];
    if (typeof id !== 'string' || !/^[\w.~:-]{1,256}$/.test(id) || /^\.+$/.test(id))
      throw new EngineError('the adapter gives its scan no id');
    return id;
  }

  /** Asks until there is a report. The end of the time is the caller's. */
  async function report(
    id: string,
    image: EngineImage,
    { reportType, scanner }: AdapterMetadata,
    signal: AbortSignal,
  ): Promise<EngineReport> {
    for (;;) {
      const answer = await call(`/scan/${encodeURIComponent(id)}/report`, {
        accept: reportType,
        maxBytes: maxReport,
        signal,
      });
      if (answer.status === 200)
        return readHarborReport(textOf(answer), { digest: image.digest, engine: name, scanner });
      if (answer.status !== 302) throw refusalOf(answer, answer.status === 404 ? 'has lost its scan' : 'has no report');
      await pause(pauseOf(answer.headers.get('refresh-after')), signal);
    }
  }

  return {
    name,
    kind: 'harbor',
    parallel,
    timeoutMs: timeout,
    async scan(image, signal) {
      const about = await metadata(signal);
      if (!about.consumes.has(image.mediaType))
        throw new EngineError(`the adapter does not scan ${image.mediaType}`, { isFinal: true });
      return report(await submit(image, about, signal), image, about, signal);
    },
  };
}

/** Milliseconds of a Refresh-After, within bounds: an adapter neither makes this ask without rest, nor never again. */
export function pauseOf(refreshAfter: string | null): number {
  const seconds = refreshAfter !== null && /^[0-9]{1,9}$/.test(refreshAfter.trim()) ? Number(refreshAfter) : undefined;
  if (seconds === undefined) return usualPauseMs;
  return Math.min(mostPauseMs, Math.max(leastPauseMs, seconds * 1000));
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const timer = setTimeout(ended.resolve, ms);
  signal.addEventListener('abort', () => ended.resolve(), { once: true });
  await ended.promise;
  clearTimeout(timer);
  signal.throwIfAborted();
}

async function credentialsOf({ auth }: HarborConfig): Promise<Record<string, string>> {
  if (auth.kind === 'none') return {};
  let secret: string;
  try {
    secret = (await readFile(auth.file, 'utf8')).slice(0, mostSecret).trimEnd();
  } catch (error) {
    throw new EngineError('the file with the credentials for the adapter cannot be read', { cause: error });
  }
  if (secret === '' || /[^\x20-\x7e]/.test(secret))
    throw new EngineError('the file with the credentials for the adapter holds none');
  if (auth.kind === 'basic')
    return { authorization: `Basic ${Buffer.from(`${auth.username}:${secret}`).toString('base64')}` };
  return auth.kind === 'bearer' ? { authorization: `Bearer ${secret}` } : { 'x-scanneradapter-api-key': secret };
}

const textOf = ({ bytes }: OutboundAnswer): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

function jsonOf(answer: OutboundAnswer): unknown {
  try {
    return JSON.parse(textOf(answer));
  } catch {
    return undefined;
  }
}

/** With what the adapter says of it, if it is what the specification has. */
function refusalOf(answer: OutboundAnswer, what: string, isFinal = false): EngineError {
  const said =
    answer.bytes.byteLength <= answerBytes ? objectOf(objectOf(jsonOf(answer))?.['error'])?.['message'] : undefined;
  const message = line(said, 300);
  return new EngineError(`the adapter ${what} (${answer.status}${message && `: ${message}`})`, { isFinal });
}
