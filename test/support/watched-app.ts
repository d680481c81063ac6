import { expect } from 'bun:test';
import { openPeople } from './people.ts';
import { startTestApp, type StartOptions } from './server.ts';

type Entry = Record<string, unknown>;

/**
 * A server with people, which logs all that it can. When it ends, what it has logged is searched for anything that looks
 * like a secret: a token, a password of ours, an Authorization header, and what the test names in `secrets`.
 */
export async function startWatchedApp(options: StartOptions & { file?: string; now?: () => number } = {}) {
  const lines: string[] = [];
  const secrets = new Set<string>();
  const settings = { 'log.level': 'debug', ...options.settings };
  const server = await startTestApp({ ...options, settings, log: (line) => void lines.push(line) });
  const people = await openPeople(server.app.access);
  return {
    ...server,
    people,
    secrets,
    /** Records of the audit so far, or since an earlier number of them. */
    audit: (since = 0): Entry[] =>
      lines
        .map((line) => JSON.parse(line) as Entry)
        .filter(({ audit }) => audit === true)
        .slice(since),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      const log = lines.join('');
      expect(secretsIn(log)).toEqual([]);
      expect([...secrets].filter((secret) => log.includes(secret))).toEqual([]);
    },
  };
}

export type WatchedApp = Awaited<ReturnType<typeof startWatchedApp>>;

/** What looks like a token, a password, or a header that has one. */
export function secretsIn(text: string): string[] {
  return text.match(/eyJ[\w-]{16,}|bonded_[\w-]{20,}|(?:Basic|Bearer) [\w+/=-]{16,}/g) ?? [];
}
