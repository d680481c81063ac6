import {
  type Attributes,
  type Catalog,
  describeManifest,
  describeManifests,
  describeRepository,
  describeTag,
  describeTags,
  findListedRepository,
  listVisibleRepositories,
  type ManifestDescription,
  type TagFacts,
} from '../../catalog/index.ts';
import { isRepositoryName, isTag, parseDigest } from '../../oci/index.ts';
import { formatId, parseArmId, segmentsOf } from '../../operations/index.ts';
import { builtInResource, type Page, type Resource } from '../../resources/index.ts';

interface Context {
  id: string;
}

/** As a list is asked for: `last` is the id of the last one that was shown, as it was written. */
interface ListQuery {
  last?: string | undefined;
  limit?: number | undefined;
}

export interface ViewOptions {
  catalog: Catalog;
  /** Id of a registry in the catalog; undefined where there is none of that name. */
  registryIdOf(name: string): number | undefined;
}

const largestPage = 100;
const everything = { seesAll: true, maySee: () => true };
const iso = (at: number) => new Date(at).toISOString();

/** What is in registries, as resources that are stored nowhere else than in the catalog. */
export function viewHandlers({ catalog, registryIdOf }: ViewOptions) {
  /** The repository that an id is, or lies in. */
  async function repositoryAt(id: string) {
    const name = parseArmId(id)?.name ?? '';
    const registryId = registryIdOf(nameOf(parentOf(id)));
    if (registryId === undefined || !isRepositoryName(name)) return undefined;
    return findListedRepository(catalog, registryId, name);
  }

  const repositories = {
    async get({ id }: Context): Promise<Resource | undefined> {
      const repository = await repositoryAt(id);
      if (!repository) return undefined;
      const { createdAt, updatedAt, manifestCount, tagCount, attributes } = await describeRepository(
        catalog,
        repository,
      );
      return builtInResource(id, {
        createdTime: iso(createdAt),
        lastUpdateTime: iso(updatedAt),
        manifestCount,
        tagCount,
        changeableAttributes: abilitiesOf(attributes),
      });
    },
    async list({ id }: Context, { last, limit = largestPage }: ListQuery): Promise<Page> {
      const registryId = registryIdOf(nameOf(id));
      if (registryId === undefined) return { resources: [], after: undefined };
      const position = { last: nameOf(last), limit: limit + 1 };
      const names = await listVisibleRepositories(catalog, registryId, everything, position);
      const resources = [];
      for (const name of names.slice(0, limit)) {
        const found = await findListedRepository(catalog, registryId, name);
        if (found)
          resources.push(builtInResource(below(id, 'repositories', name), { createdTime: iso(found.createdAt) }));
      }
      return pageOf(resources, names.length > limit ? below(id, 'repositories', names[limit - 1]!) : undefined);
    },
  };

  const tags = {
    async get({ id }: Context): Promise<Resource | undefined> {
      const name = nameOf(id);
      const repository = isTag(name) ? await repositoryAt(parentOf(id)) : undefined;
      const tag = repository && (await describeTag(catalog, repository, name));
      return tag && builtInResource(id, propertiesOfTag(tag));
    },
    async list({ id }: Context, { last, limit = largestPage }: ListQuery): Promise<Page> {
      const repository = await repositoryAt(id);
      if (!repository) return { resources: [], after: undefined };
      const found = await describeTags(catalog, repository, { order: 'name', last: nameOf(last), limit: limit + 1 });
      const resources = found
        .slice(0, limit)
        .map((tag) => builtInResource(below(id, 'tags', tag.name), propertiesOfTag(tag)));
      return pageOf(resources, found.length > limit ? resources.at(-1)!.id : undefined);
    },
  };

  const manifests = {
    async get({ id }: Context): Promise<Resource | undefined> {
      const digest = parseDigest(nameOf(id));
      const repository = digest && (await repositoryAt(parentOf(id)));
      const manifest = repository && (await describeManifest(catalog, repository, digest));
      return manifest && builtInResource(id, propertiesOfManifest(manifest));
    },
    async list({ id }: Context, { last, limit = largestPage }: ListQuery): Promise<Page> {
      const repository = await repositoryAt(id);
      if (!repository) return { resources: [], after: undefined };
      const position = { order: 'name', last: nameOf(last), limit } as const;
      const { manifests: found, more } = await describeManifests(catalog, repository, position);
      const resources = found.map((manifest) =>
        builtInResource(below(id, 'manifests', manifest.digest), propertiesOfManifest(manifest)),
      );
      return pageOf(resources, more ? resources.at(-1)?.id : undefined);
    },
  };

  return { repositories, tags, manifests };
}

const pageOf = (resources: Resource[], after: string | undefined): Page => ({ resources, after });

function nameOf(id: string | undefined): string {
  return id === undefined ? '' : (parseArmId(id)?.name ?? '');
}

function parentOf(id: string): string {
  return parseArmId(id)?.parent ?? '/';
}

function below(id: string, word: string, name: string): string {
  return formatId([...segmentsOf(id)!, word, name]);
}

function abilitiesOf({ deleteEnabled, writeEnabled, readEnabled, listEnabled }: Attributes) {
  return { deleteEnabled, writeEnabled, readEnabled, listEnabled };
}

function propertiesOfTag({ digest, createdAt, updatedAt, attributes }: TagFacts) {
  return {
    digest,
    createdTime: iso(createdAt),
    lastUpdateTime: iso(updatedAt),
    changeableAttributes: abilitiesOf(attributes),
  };
}

function propertiesOfManifest(manifest: ManifestDescription) {
  const { mediaType, artifactType, imageSize, pushedAt, tags, children, attributes } = manifest;
  return {
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    imageSize,
    createdTime: iso(pushedAt),
    tags,
    references: children,
    changeableAttributes: abilitiesOf(attributes),
  };
}
