import { findPostgres, startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { tiersOf } from '../../test/support/tiers.ts';
import { createDatabase } from '../client/old-facts.ts';
import { pushFor } from '../client/push-load.ts';
import type { Figures, Row, Scale, Shape } from '../shape.ts';

const connections = 16;
const tib = 2 ** 40;
/** Of the registry, and of the one repository: far away, as they are on most days. */
const quota = { limitBytes: tib, repositories: [{ repository: '*', limitBytes: tib }] };
/** Each state as often, for half of the seconds of a measurement, and neither always the later one. */
const order = [false, true, true, false, true, false, false, true] as const;
const databases = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;

let postgres: TestPostgres | undefined;
let measurement = 0;

const rowsOf = (key: keyof typeof databases): Row[] => [
  {
    key,
    what: `small images pushed into one repository, limited, over ${databases[key]}`,
    unit: '1/s',
    better: 'more',
  },
  {
    key: `${key}Cost`,
    what: `the same rate without a limit ÷ with one, over ${databases[key]}`,
    unit: '×',
    better: 'less',
    limits: { bonded: 1.05 },
  },
];

export const storageLimits: Shape = {
  name: 'storage-limits',
  about:
    `Whole images of two small blobs into one repository, over ${connections} connections that stay open: while the registry ` +
    'and the repository have storage limits, which are far away, and while they have none. The same server in turns.',
  contenders: ['bonded'],
  long: true,
  startsServers: true,
  needs: findPostgres() ? [] : ['postgres'],
  rows: [...rowsOf('sqlite'), ...rowsOf('postgres')],
  async prepare() {
    postgres = await startPostgres();
  },
  async finish() {
    await postgres?.stop();
    postgres = undefined;
  },
  async measure({ scale }) {
    const database = await createDatabase(postgres!.url, `limits${++measurement}`);
    return {
      ...(await measureOn('sqlite', {}, scale)),
      ...(await measureOn('postgres', { database }, scale)),
    };
  },
};

async function measureOn(
  key: keyof typeof databases,
  options: { database?: string },
  { seconds, brief }: Scale,
): Promise<Figures> {
  await using server = await startTestProcess({ ...options, settings: { 'gc.interval': '24h' } });
  const rates = { true: 0, false: 0 };
  // That of the tier would be one, too.
  const tiers = tiersOf(server.url);
  await tiers.put('unlimited', { limits: { maxStorage: -1 } });
  await tiers.use('unlimited');
  await push(server, 0.5);
  const turns = brief ? order.slice(0, 2) : order;
  for (const limited of turns) {
    await managementOf(server.url).patch(registry, { storageQuota: limited ? quota : null });
    rates[`${limited}`] += (await push(server, seconds / 2)) / (turns.length / 2);
  }
  return { [key]: rates.true, [`${key}Cost`]: rates.false / rates.true };
}

async function push({ url }: TestProcess, seconds: number): Promise<number> {
  const port = Number(new URL(url).port);
  return (await pushFor(port, { connections, seconds }, () => 'bench/limited')).rate;
}
