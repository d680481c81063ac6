import { scanType } from '../../../scanning/index.ts';
import { imageCommand, scanAt } from './image-command.ts';

interface Change {
  time: string;
  change: 'opened' | 'closed';
  vulnerability: string;
  purl: string;
}

/** `bonded scan changes IMAGE`. */
export const changes = imageCommand<{ top: number }>({
  brief: 'Show what came and went since an image was first scanned',
  details:
    'Lists the vulnerabilities that became known of the packages of an image, or no longer hold, since it was first scanned, from the ' +
    'newest to the oldest. Its bytes are the same: what changed are the advisories, or what of it can be read.',
  examples: [
    'scan changes prod/app:v1 -o table',
    'scan changes prod/app:v1 --query "[?change==\'opened\'].vulnerability" -o tsv',
  ],
  flags: {
    top: { kind: 'parsed', parse: numberOf, default: '100', placeholder: 'number', brief: 'Most changes, up to 1000' },
  },
  columns: { Time: 'time', Change: 'change', Vulnerability: 'vulnerability', Package: 'purl' },
  async run({ client, note }, image, { top }) {
    const found = await client.action(scanType, scanType.actions.changes, scanAt(image), { top });
    const list: Change[] = found.changes;
    if (list.length === 0) note('Nothing has changed since it was first scanned.');
    return list;
  },
});

function numberOf(text: string): number {
  const value = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 1000) return value;
  throw new Error('it is a number from 1 to 1000');
}
