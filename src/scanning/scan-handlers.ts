import { advisoriesStatus, freshnessOf } from '../advisories/index.ts';
import {
  type Catalog,
  contentOf,
  describeManifest,
  findListedRepository,
  type ManifestDescription,
  type Repository,
} from '../catalog/index.ts';
import { toCycloneDx, cycloneDxMediaType, type ImageInventory } from '../inventory/index.ts';
import { type Digest, isRepositoryName, parseDigest } from '../oci/index.ts';
import { endOfLifeOf, type OsRelease } from '../packages/index.ts';
import { formatId, ManagementError, parseArmId, segmentsOf } from '../operations/index.ts';
import { builtInResource, type Resource } from '../resources/index.ts';
import { isAttestation, scannable } from './classify.ts';
import type { FindingsInput } from './contract.ts';
import { changesOf, readFindings } from './findings-store.ts';
import { engineStates } from './engines/engine-store.ts';
import { engineView } from './engines/engine-view.ts';
import { ecosystemsOf, findScan, readInventory, type ScanFacts } from './image-store.ts';
import { imagesBelow } from './images-below.ts';
import { requestScan } from './queue.ts';
import { showFindings } from './show-findings.ts';
import { stateOf } from './words.ts';

export interface ScanningHandlerOptions {
  catalog: Catalog;
  now(): number;
  /** Id of a registry in the catalog; undefined where there is none of that name. */
  registryIdOf(name: string): number | undefined;
}

interface Found {
  repository: Repository;
  manifest: ManifestDescription;
}

const iso = (at: number) => new Date(at).toISOString();
const mostWarnings = 100;

/** What scans have found, as resources, and what can be asked of them. */
export function scanHandlers({ catalog, now, registryIdOf }: ScanningHandlerOptions) {
  const { db } = catalog;

  async function manifestAt(id: string): Promise<Found | undefined> {
    const digest = parseDigest(nameOf(id));
    const name = nameOf(parentOf(id));
    const registryId = registryIdOf(nameOf(parentOf(parentOf(id))));
    if (!digest || registryId === undefined || !isRepositoryName(name)) return undefined;
    const repository = await findListedRepository(catalog, registryId, name);
    const manifest = repository && (await describeManifest(catalog, repository, digest));
    return manifest && { repository, manifest };
  }

  async function latest(id: string): Promise<Resource | undefined> {
    const found = await manifestAt(parentOf(id));
    return found && builtInResource(id, await describe(found));
  }

  async function describe(found: Found) {
    const { kind, digest } = found.manifest;
    if (kind === 'index') {
      const { digests } = await imagesBelow(catalog, found.repository, found.manifest);
      const scans = await Promise.all(digests.map((one) => findScan(db, one)));
      return {
        state: 'NotScannable',
        children: digests.map((one, at) => ({ digest: one, state: stateOf(scans[at]) })),
      };
    }
    const scan = await findScan(db, digest);
    const stored = scan && (await readInventory(db, scan.id));
    // Whether or not somebody has asked for it once more.
    if (!stored && !(await holdsAnything(digest))) return { state: 'NotScannable' };
    if (!scan) return { state: 'Pending' };
    const [findings, engines] = await Promise.all([readFindings(db, scan.id), engineStates(db, scan.id)]);
    const known = stored && (await knownOf(stored.inventory));
    return {
      ...worked(scan),
      ...(stored && {
        status: stored.status,
        scannedTime: iso(stored.scannedAt),
        os: stored.inventory.os && systemOf(stored.inventory.os),
        components: stored.inventory.components.length,
        warnings: stored.inventory.warnings.slice(0, mostWarnings),
      }),
      ...(findings && {
        summary: findings.summary,
        evaluatedTime: iso(findings.evaluatedAt),
        advisoryRevision: findings.advisoryRevision,
        ...known,
      }),
      ...(engines.length > 0 && { engines: engines.map(engineView) }),
    };
  }

  async function holdsAnything(digest: Digest): Promise<boolean> {
    const content = await contentOf(db, digest);
    const image = content && scannable(content);
    return image !== undefined && !isAttestation(image);
  }

  /** How fresh it is what advisories say of the packages of an image, and of which nothing is known. */
  async function knownOf(inventory: ImageInventory) {
    const ecosystems = ecosystemsOf(inventory);
    const { feeds } = await advisoriesStatus(db);
    const fresh = ecosystems.map((one) => ({ one, at: freshnessOf(feeds, [one], now()) }));
    const times = fresh.flatMap(({ at }) => at ?? []);
    const unknown = fresh.filter(({ at }) => at === undefined).map(({ one }) => one);
    return {
      ...(times.length > 0 && { advisoriesTime: iso(Math.min(...times)) }),
      ...(unknown.length > 0 && { withoutAdvisories: unknown.toSorted() }),
    };
  }

  /** The images that an id is about: of an index, all of its. */
  async function imagesAt(id: string): Promise<Digest[]> {
    const found = await manifestAt(parentOf(id));
    if (!found) throw new ManagementError('ResourceNotFound', 'there is no such manifest');
    const { kind, digest } = found.manifest;
    if (kind !== 'index') return [digest];
    const { digests, tooMany } = await imagesBelow(catalog, found.repository, found.manifest);
    if (tooMany)
      throw new ManagementError(
        'InvalidRequestContent',
        'the index has too many images, or is too deep: ask for one of them',
      );
    return digests;
  }

  async function scansAt(id: string): Promise<ScanFacts[]> {
    const digests = await imagesAt(id);
    const scans = await Promise.all(digests.map((one) => findScan(db, one)));
    return scans.filter((scan) => scan !== undefined);
  }

  const scan = {
    get: ({ id }: { id: string }) => latest(id),
    async list({ id }: { id: string }) {
      const found = await latest(formatId([...segmentsOf(id)!, 'scans', 'latest']));
      return { resources: found ? [found] : [], after: undefined };
    },
    actions: {
      async start(_: unknown, __: unknown, { id }: Resource) {
        for (const one of await imagesAt(id)) await requestScan(db, one, 'asked', now());
      },
      async findings(_: unknown, input: unknown, { id }: Resource) {
        return showFindings(db, await scansAt(id), input as FindingsInput);
      },
      async sbom(_: unknown, __: unknown, { id }: Resource) {
        const found = await manifestAt(parentOf(id));
        const [scanned] = found?.manifest.kind === 'image' ? await scansAt(id) : [];
        const stored = scanned && (await readInventory(db, scanned.id));
        if (!stored) throw notScanned(found?.manifest.kind);
        const subject = { repository: found!.repository.name, digest: scanned.digest };
        return { mediaType: cycloneDxMediaType, sbom: toCycloneDx(stored.inventory, subject) };
      },
      async changes(_: unknown, input: unknown, { id }: Resource) {
        const scans = await scansAt(id);
        const { top } = input as { top: number };
        const changes = (await Promise.all(scans.map((one) => changesOf(db, one.id, top)))).flat();
        return {
          changes: changes
            .toSorted((a, b) => b.at - a.at)
            .slice(0, top)
            .map(({ at, ...change }) => ({ ...change, time: iso(at) })),
        };
      },
    },
  };

  return scan;
}

function notScanned(kind: string | undefined): ManagementError {
  if (kind === 'index')
    return new ManagementError('InvalidRequestContent', 'it is an index: ask for the SBOM of one of its images');
  return new ManagementError('ResourceNotFound', 'the image has not been scanned yet; its scan says why');
}

function worked({ state, reason, requestedAt, attempts, error }: ScanFacts) {
  return {
    state: stateOf({ state }),
    reason,
    requestedTime: iso(requestedAt),
    ...(attempts > 0 && { attempts }),
    ...(error !== null && { error }),
  };
}

function systemOf(os: OsRelease) {
  const { id, versionId, prettyName } = os;
  const end = endOfLifeOf(os);
  return {
    id,
    ...(versionId !== undefined && { versionId }),
    ...(prettyName !== undefined && { prettyName }),
    ...(end && { endOfLife: iso(end.ends) }),
    ...(end?.standardEnds !== undefined && { endOfStandardSupport: iso(end.standardEnds) }),
  };
}

const nameOf = (id: string): string => parseArmId(id)?.name ?? '';
const parentOf = (id: string): string => parseArmId(id)?.parent ?? '/';
