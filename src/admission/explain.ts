import { type Catalog, digestsOfTags, findRepository, hasManifest } from '../catalog/index.ts';
import { isTag, parseDigest } from '../oci/index.ts';
import { ManagementError } from '../operations/index.ts';
import { forever } from './decision.ts';
import type { BlobGate } from './blob-gate.ts';
import { explainBlob } from './explain-blob.ts';
import type { AdmissionGate } from './gate.ts';
import { decisionId } from './refusal.ts';
import type { AdmissionRules, RepositoryRules } from './rules.ts';
import { tagsOf } from './tags-of.ts';
import type { ImagePlace } from './verdict-store.ts';
import type { Verdicts } from './verdicts.ts';

export interface ExplainOptions {
  catalog: Catalog;
  rules: AdmissionRules;
  verdicts: Verdicts;
  gate: AdmissionGate;
  blobs: BlobGate;
}

const iso = (at: number) => new Date(at).toISOString();

/** Whoever has no right to anything that is refused. */
const anybody = { has: () => false };

/** Why an image, or a blob, would be let out, or not, to whoever may only pull (design §6). NotFound where it is not there. */
export async function explainImage(
  options: ExplainOptions,
  registryId: number,
  { repository, reference }: { repository: string; reference: string },
) {
  const { catalog, rules: all, verdicts, gate } = options;
  const rules = all.of(registryId, repository) ?? noRules(repository);
  const found = await findImage(catalog, registryId, repository, reference);
  const looked = found && (await verdicts.look(found.place, rules));
  if (!looked) {
    const digest = parseDigest(reference);
    const blob = digest && (await explainBlob(options, rules, { registryId, repository, digest }));
    if (blob) return blob;
    throw notFound(repository, reference);
  }
  const { place, tag } = found;
  const { facts, decision } = looked;
  const { effect, reasons, audited, more, excepted, validUntil, quarantine } = decision;
  const instead = tag === undefined ? undefined : await gate.leadsTo(rules, { place, tag, puller: anybody });
  return {
    repository,
    digest: place.digest,
    tags: await tagsOf(catalog, place),
    kind: facts.kind,
    decision: decisionId(place, rules.revision),
    effect,
    policies: rules.policies.map(({ name, mode, blobs }) => ({ name, mode, blobs })),
    reasons,
    audited,
    more,
    excepted: excepted.map((one) => ({ ...one, until: iso(one.until) })),
    ...(validUntil !== forever && { validUntil: iso(validUntil) }),
    ...(quarantine && { quarantine }),
    ...(instead && { servedInstead: instead }),
    ...(facts.scan && {
      scan: {
        status: facts.scan.status,
        scannedOn: iso(facts.scan.scannedAt),
        // 0: of some of its packages nobody says anything.
        ...(facts.scan.advisoriesAt > 0 && { advisoriesOn: iso(facts.scan.advisoriesAt) }),
        findings: facts.scan.findings.length,
      },
    }),
  };
}

const noRules = (repository: string): RepositoryRules => ({
  repository,
  policies: [],
  exceptions: [],
  revision: '',
  enforces: false,
  quarantines: false,
  holdsPrevious: false,
  guardsBlobs: false,
  isUnderstood: true,
});

/** The image that a tag or a digest names; undefined where there is none. */
async function findImage(
  catalog: Catalog,
  registryId: number,
  name: string,
  reference: string,
): Promise<{ place: ImagePlace; tag: string | undefined } | undefined> {
  const repository = await findRepository(catalog, registryId, name);
  if (!repository) return undefined;
  const given = parseDigest(reference);
  const tag = given || !isTag(reference) ? undefined : reference;
  const digest = given ?? (tag && (await digestsOfTags(catalog, repository.id, [tag])).get(tag));
  if (!digest || !(await hasManifest(catalog, repository, digest))) return undefined;
  return { place: { registryId, repositoryId: repository.id, repository: name, digest }, tag };
}

function notFound(repository: string, reference: string): ManagementError {
  const image = `${repository}${reference.includes(':') ? '@' : ':'}${reference}`;
  return new ManagementError('NotFound', `there is no ${image} in this registry`, { target: 'reference' });
}
