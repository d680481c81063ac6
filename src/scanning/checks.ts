import type { Digest } from '../oci/index.ts';
import type { Check, Finding } from '../operations/index.ts';

/** An image of which nothing is known. */
export interface UnscannedImage {
  /** Name and ARM id of the registry. */
  registry: string;
  registryId: string;
  repository: string;
  digest: Digest;
  /** Why; undefined where it was never begun. */
  error: string | undefined;
  /** Of late. */
  isPulled: boolean;
}

export interface ScanFacts {
  unscanned: readonly UnscannedImage[];
  /** Ecosystems that images have packages of, and nobody has brought advisories for. */
  withoutAdvisories: readonly string[];
  /** What stands for the server as a whole. */
  serverId: string;
}

/** Images, and ecosystems, that are told by name. */
const mostNamed = 5;

export const scanningChecks: readonly Check<ScanFacts>[] = [
  {
    id: 'unscanned-images-served',
    severity: 'medium',
    title: 'Images that were never scanned are pulled',
    why:
      'Nothing is known of what is in them, and a policy that asks for a scan refuses them or looks away. Have them scanned ' +
      'again; where that fails each time, its error says why.',
    look: ({ unscanned }) =>
      findingsOn(
        unscanned.filter(({ isPulled }) => isPulled),
        'Pulled in the last 30 days, and not scanned',
      ),
  },
  {
    id: 'scans-given-up',
    severity: 'low',
    title: 'Images could not be scanned, or nobody scans them',
    why:
      'Where a policy asks for a scan they are held back for ever, and a tag goes on leading to an older image. Their errors say ' +
      'why; where they only wait, no server scans (scanning.parallel), or there is more to do than is done.',
    look: ({ unscanned }) =>
      findingsOn(
        unscanned.filter(({ isPulled }) => !isPulled),
        'Not scanned',
      ),
  },
  {
    id: 'ecosystems-without-advisories',
    severity: 'medium',
    title: 'There are no advisories for packages that images have',
    why:
      'Images with these packages look clean because nothing is known, not because nothing is wrong. Bring the advisories of ' +
      'their ecosystems, or let the server fetch them by itself (advisories.refresh).',
    look({ withoutAdvisories, serverId }) {
      if (withoutAdvisories.length === 0) return [];
      const named = withoutAdvisories.slice(0, mostNamed).join(', ');
      const more = withoutAdvisories.length > mostNamed ? ` and ${withoutAdvisories.length - mostNamed} more` : '';
      return [
        {
          resourceId: serverId,
          problem: `Nothing is known of the vulnerabilities of packages of ${named}${more}`,
          commands: [['bonded', 'advisories', 'sync']],
        },
      ];
    },
  },
];

function findingsOn(unscanned: readonly UnscannedImage[], what: string): Finding[] {
  const byRegistry = Map.groupBy(unscanned, ({ registryId }) => registryId);
  return [...byRegistry].map(([resourceId, images]) => {
    const named = images.slice(0, mostNamed);
    const list = named.map(({ repository, digest, error }) => {
      return `${repository}@${digest.slice(0, 19)}… (${error ?? 'it waits'})`;
    });
    const more = images.length > mostNamed ? ` and ${images.length - mostNamed} more` : '';
    return {
      resourceId,
      problem: `${what}: ${list.join(', ')}${more}`,
      commands: named.map(({ registry, repository, digest }) => {
        const image = `${repository}@${digest}`;
        return ['bonded', 'scan', 'start', image, '--registry', registry, '--wait'];
      }),
    };
  });
}
