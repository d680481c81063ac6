import * as http from 'node:http';
import * as https from 'node:https';
import { text } from 'node:stream/consumers';

/** How long a server of this machine may take to answer (ms). */
const patienceMs = 5000;

/**
 * GET of a server on this machine; resolves with its status and text. Its certificate need not name its address, and
 * what the environment says of proxies is for others: `fetch` would obey.
 */
export async function askHere(url: string): Promise<{ ok: boolean; text: string }> {
  const { get } = url.startsWith('https:') ? https : http;
  const signal = AbortSignal.timeout(patienceMs);
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    get(url, { signal, rejectUnauthorized: false }, resolve).on('error', reject);
  });
  return { ok: answer.statusCode === 200, text: (await text(answer)).trim() };
}
