import { buildCommand } from '@stricli/core';
import { admissionType } from '../../admission/index.ts';
import { imageOf } from '../content/index.ts';
import type { Context } from '../context.ts';
import { describe } from '../describe.ts';
import { print, shown } from '../output/index.ts';
import { requireGroup } from './command.ts';
import { connect } from './connect.ts';
import { commonAliases, type CommonFlags, commonFlags, registryFlag, type RegistryFlag } from './flags.ts';

/** What the server says of an image. */
interface Explained {
  repository: string;
  digest: string;
  tags: string[];
  kind: string;
  decision: string;
  effect: 'allow' | 'would-deny' | 'pending' | 'deny';
  policies: { name: string; mode: string; blobs: 'open' | 'admitted' }[];
  images?: { digest: string; tags: string[] }[];
  reasons: Reason[];
  audited: Reason[];
  more: number;
  excepted: { vulnerability: string; purl: string; exception: string; until: string }[];
  validUntil?: string;
  quarantine?: { state: string };
  servedInstead?: string;
  scan?: { status: string; scannedOn: string; advisoriesOn?: string; findings: number };
}

interface Reason {
  policy: string;
  rule: string;
  message: string;
  remedy: string;
  platform?: string;
}

const outcomes = {
  allow: 'is let out',
  'would-deny': 'is let out, and would be denied by what audits',
  pending: 'waits for its scan',
  deny: 'is denied',
};

/** For people: what becomes of an image, and each reason with what to do. */
export function reportOf(found: Explained): string {
  const { repository, digest, effect, decision, policies, reasons, audited, more, excepted, validUntil, scan } = found;
  const lines = [`${repository}@${digest} ${outcomes[effect]} (${decision})`];
  const named = policies.map(({ name, mode }) => `${name} (${mode})`).join(', ');
  lines.push(policies.length === 0 ? 'No policy covers it.' : `Policies: ${named}`);
  if (found.kind === 'blob') lines.push(...blobLines(found));
  if (found.kind === 'supply-chain') lines.push('It is a signature or the like, which no policy holds back.');
  if (scan) lines.push(scanLine(scan));
  else if (found.kind === 'image') lines.push('It has not been scanned.');
  if (found.quarantine) lines.push(`Quarantine: ${found.quarantine.state}`);
  if (found.servedInstead !== undefined) lines.push(`The tag leads to ${found.servedInstead} meanwhile.`);
  const list = (title: string, all: readonly Reason[]) => {
    if (all.length > 0) lines.push(title);
    for (const { policy, rule, message, remedy, platform } of all) {
      lines.push(`  ${policy}/${rule}: ${platform === undefined ? '' : `${platform}: `}${message}; ${remedy}`);
    }
  };
  list('Reasons:', reasons);
  if (more > 0) lines.push(`  and ${more} more`);
  list('Only audited:', audited);
  if (excepted.length > 0) lines.push('Excepted:');
  for (const { vulnerability, purl, exception, until } of excepted) {
    lines.push(`  ${vulnerability} in ${purl}: ${exception}, until ${until}`);
  }
  if (validUntil !== undefined) lines.push(`Unless something changes, this ends ${validUntil}.`);
  // What a server of an earlier version has recorded may have names as an image gives them.
  return lines.map(shown).join('\n');
}

/** What becomes of a blob is what becomes of the images that have it. */
function blobLines({ repository, effect, policies, images = [] }: Explained): string[] {
  if (!policies.some(({ blobs, mode }) => blobs === 'admitted' && mode !== 'audit')) {
    return ['It is a blob, and no policy here asks which image it belongs to.'];
  }
  if (images.length === 0) return ['It is a blob that no image here has; push the image that has it.'];
  const named = images.map(
    ({ digest, tags }) => `  ${repository}@${digest}${tags.length > 0 ? ` (${tags.join(', ')})` : ''}`,
  );
  return [effect === 'allow' ? 'It is a blob, let out with:' : 'It is a blob of what is not let out:', ...named];
}

function scanLine({ status, scannedOn, findings, advisoriesOn }: NonNullable<Explained['scan']>): string {
  if (status === 'failed') return 'It could not be scanned: bonded scan show says why.';
  if (status === 'unsupported') return 'It has nothing that can be scanned.';
  const fresh = advisoriesOn === undefined ? 'no advisories for some of its packages' : `advisories of ${advisoriesOn}`;
  return `Scanned ${scannedOn} (${status}): ${findings} finding${findings === 1 ? '' : 's'}, ${fresh}`;
}

/** `bonded explain IMAGE`. */
export const explainImage = buildCommand<CommonFlags & RegistryFlag, [string], Context>({
  docs: {
    brief: 'Say why an image, or a blob, would be let out, or not',
    fullDescription: describe(
      'Says whether somebody who may pull would get an image now, by which policies, and each reason with what to do about it. Of a blob, which is named by its digest, it says which image lets it out.',
      [
        'explain prod/app:v1',
        'explain prod/app@sha256:0000000000000000000000000000000000000000000000000000000000000000 -o json',
      ],
    ),
  },
  parameters: {
    flags: { ...registryFlag, ...commonFlags },
    aliases: { r: 'registry', ...commonAliases },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, placeholder: 'image', brief: 'REPOSITORY:TAG or REPOSITORY@DIGEST' }],
    },
  },
  async func(flags, text) {
    requireGroup(flags);
    const { repository, tag, digest } = imageOf('the image', text);
    using connection = await connect(this, flags.server);
    const at = [await connection.registry(flags.registry), 'default'];
    const input = { repository, reference: digest ?? tag! };
    const found = await connection.client.action(admissionType, admissionType.actions.explain, at, input);
    print(this, found, {
      output: flags.output,
      query: flags.query,
      report: (value) => reportOf(value as Explained),
    });
  },
});
