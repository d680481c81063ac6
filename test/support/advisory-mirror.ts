import { join } from 'node:path';

/** A record of OSV, as far as the mirror reads it. */
interface Published {
  id: string;
  modified: string;
  affected: { package: { ecosystem: string } }[];
}

/**
 * A mirror of OSV's exports, as any web server is that has their files. From the second time on that an ecosystem is asked for
 * what has changed, one record has come.
 */
export function startAdvisoryMirror(root: string, added: Published): AsyncDisposable & { url: string } {
  const asked = new Map<string, number>();
  const at = added.affected[0]!.package.ecosystem;
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch({ url }) {
      const [ecosystem = '', file = ''] = new URL(url).pathname.slice(1).split('/').map(decodeURIComponent);
      if (file === 'modified_id.csv') {
        const times = (asked.get(ecosystem) ?? 0) + 1;
        asked.set(ecosystem, times);
        const known = ['2024-01-02T00:00:00Z,LATEST-BEFORE', '2020-01-01T00:00:00Z,LONG-BEFORE'];
        const isNew = ecosystem === at && times > 1;
        return new Response([...(isNew ? [`${added.modified},${added.id}`] : []), ...known, ''].join('\n'));
      }
      if (ecosystem === at && file === `${added.id}.json`) return Response.json(added);
      const stored = Bun.file(join(root, ecosystem, file));
      if (file !== 'all.zip' || !(await stored.exists())) return new Response(null, { status: 404 });
      return new Response(stored);
    },
  });
  return { url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}
