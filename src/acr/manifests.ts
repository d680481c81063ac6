import {
  describeManifest,
  describeManifests,
  describeTag,
  hasManifest,
  manifestStorage,
  type Repository,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { type Digest, isTag, parseDigest, requireDigest } from '../oci/index.ts';
import { changeManifest } from './change.ts';
import type { Attributes, Exchange } from './exchange.ts';
import { nextLink, pageOf } from './page.ts';
import { platformOf } from './platform.ts';
import { withPulls } from './pulls.ts';
import { entriesOf, lockBytes, renderManifest, sourceOf } from './render.ts';
import { requireRepository } from './repositories.ts';
import { storageFor } from './storage.ts';

/** About as many bytes as a manifest has in JSON beside its tags and references, and as each of those has. */
const manifestBytes = 700;
const entryBytes = 150;

/** `GET /acr/v1/{name}/_manifests`. What an image runs on is in its config, which a list does not read. */
export function listManifestAttributes(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  return answerList(attributes.listMemory, exchange, async (share) => {
    const asked = pageOf(exchange.query);
    const { n, last, at, order } = asked;
    const repository = await requireRepository(attributes, exchange, name);
    share.take(n * manifestBytes);
    const { manifests, more } =
      n === 0
        ? { manifests: [], more: false }
        : await describeManifests(attributes.catalog, repository, { order, last, at, limit: n });
    share.take(manifests.reduce((sum, { tags, children }) => sum + (tags.length + children.length) * entryBytes, 0));
    share.take(lockBytes(manifests));
    const end = manifests.at(-1);
    const states = await attributes.quarantine.shown(
      repository,
      manifests.map(({ digest }) => digest),
    );
    const rendered = manifests.map((manifest) => renderManifest(manifest, {}, states.get(manifest.digest)));
    const path = `/acr/v1/${name}/_manifests`;
    return {
      body: {
        ...sourceOf(exchange, name),
        manifests: entriesOf(await withPulls(attributes.catalog, repository, rendered, ({ digest }) => digest)),
      },
      headers: more && end ? nextLink(path, asked, { name: end.digest, at: end.pushedAt }) : {},
    };
  });
}

/** `GET /acr/v1/{name}/_manifests/{digest}`; a tag stands for its digest. */
export async function getManifest(
  attributes: Attributes,
  exchange: Exchange,
  { name, digest: reference }: { name: string; digest: string },
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  return answerManifest(attributes, exchange, repository, reference);
}

/** `PATCH /acr/v1/{name}/_manifests/{digest}`; a tag stands for its digest. */
export async function updateManifest(
  attributes: Attributes,
  exchange: Exchange,
  { name, digest: reference }: { name: string; digest: string },
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  const digest = await digestOf(attributes, exchange, repository, reference);
  if (!digest) throw unknownManifest(reference);
  await changeManifest(attributes, exchange, repository, digest);
  return answerManifest(attributes, exchange, repository, digest);
}

async function answerManifest(
  attributes: Attributes,
  exchange: Exchange,
  repository: Repository,
  reference: string,
): Promise<Response> {
  const digest = await digestOf(attributes, exchange, repository, reference);
  const manifest = digest && (await describeManifest(attributes.catalog, repository, digest));
  if (!manifest) throw unknownManifest(reference);
  const platform = await platformOf(attributes, repository, manifest);
  const state = (await attributes.quarantine.shown(repository, [manifest.digest])).get(manifest.digest);
  const rendered = [renderManifest(manifest, platform, state)];
  const [shown] = await withPulls(attributes.catalog, repository, rendered, () => manifest.digest);
  const storage = await storageFor(exchange, () => manifestStorage(attributes.catalog, repository, manifest.digest));
  return Response.json({ ...sourceOf(exchange, repository.name), manifest: { ...shown, ...storage } });
}

function unknownManifest(reference: string): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', { detail: { reference: reference.slice(0, 160) } });
}

/** The digest of a manifest that is there. MANIFEST_UNKNOWN. */
export async function requireDigestOf(
  attributes: Attributes,
  exchange: Exchange,
  repository: Repository,
  reference: string,
): Promise<Digest> {
  const digest = await digestOf(attributes, exchange, repository, reference);
  if (digest && (await hasManifest(attributes.catalog, repository, digest))) return digest;
  throw unknownManifest(reference);
}

async function digestOf(
  { catalog, heldTags }: Attributes,
  exchange: Exchange,
  repository: Repository,
  reference: string,
): Promise<Digest | undefined> {
  if (parseDigest(reference) || !isTag(reference)) return requireDigest(reference);
  const digest = (await describeTag(catalog, repository, reference))?.digest;
  const held = digest && heldTags(exchange.registryId, repository.name);
  const led = held && (await held.led(exchange, repository.id, new Map([[reference, digest]]))).get(reference);
  return led === undefined ? digest : (led ?? undefined);
}
