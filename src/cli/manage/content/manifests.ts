import { buildRouteMap } from '@stricli/core';
import { z } from 'zod';
import {
  type ContentClient,
  imageOf,
  manifestAttributes,
  type ManifestAttributes,
  repositoryOf,
  repositoryScope,
} from '../../content/index.ts';
import { bytesColumn } from '../../output/index.ts';
import { confirmFlag, type ConfirmFlag, textFlag } from '../flags.ts';
import { type AttributeFlags, attributeFlags, changeOf } from './attributes.ts';
import { deletedColumns, lockColumns, manifestColumns } from './columns.ts';
import { placedCommand, type PlacedFlags } from './command.ts';
import { listDeleted, listDeletedTags, purgeDeleted, restore } from './deleted.ts';
import { deleteImage } from './delete-image.ts';
import { readManifest } from './read-manifest.ts';
import { type ListFlags, listFlags, orderOf } from './lists.ts';
import { changeSubject, columnsOf, describeSubject, imageSubject } from './subject.ts';

/** Manifests that are read at once. */
const together = 8;

const image = 'repository:tag';
const subject = ({ name }: PlacedFlags) => imageSubject(imageOf('--name', name));

const manifestsOf = (client: ContentClient, flags: PlacedFlags & ListFlags): Promise<ManifestAttributes[]> => {
  const name = repositoryOf('--name', flags.name);
  return client.all(`/acr/v1/${name}/_manifests`, {
    scope: repositoryScope(name, 'metadata_read'),
    field: 'manifests',
    item: manifestAttributes,
    query: orderOf(flags),
    top: flags.top,
  });
};

const list = placedCommand<PlacedFlags & ListFlags>('repository', {
  brief: 'List the manifests of a repository, each whole',
  details:
    'Lists the manifests of a repository as they were pushed, each with its digest. acr manifest list-metadata says what is known of them.',
  examples: ['acr manifest list --name team/app --top 3', 'acr manifest list registry.example.com/team/app'],
  flags: listFlags,
  columns: {
    Digest: 'digest',
    Type: 'mediaType',
    ArtifactType: "artifactType || ''",
    Layers: 'length(layers || `[]`)',
  },
  async run({ client }, flags) {
    const all = await manifestsOf(client, flags);
    const whole: unknown[] = [];
    for (let at = 0; at < all.length; at += together) {
      const some = all.slice(at, at + together);
      const read = some.map(async ({ digest }) => ({ digest, ...(await readManifest(client, flags.name, digest)) }));
      whole.push(...(await Promise.all(read)));
    }
    return whole;
  },
});

const show = placedCommand<PlacedFlags>(image, {
  brief: 'Show a manifest as it was pushed',
  examples: ['acr manifest show --name team/app:v1', 'acr manifest show registry.example.com/team/app:v1 -o json'],
  flags: {},
  columns: { Type: 'mediaType', ArtifactType: "artifactType || ''", Layers: 'length(layers || `[]`)' },
  async run({ client }, flags) {
    const { repository, tag, digest } = imageOf('--name', flags.name);
    return readManifest(client, repository, tag ?? digest!);
  },
});

const listMetadata = placedCommand<PlacedFlags & ListFlags>('repository', {
  brief: 'List what is known of the manifests of a repository',
  examples: [
    'acr manifest list-metadata --name team/app -o table',
    `acr manifest list-metadata -r teamb -n team/app --orderby time_asc --query "[?tags == null].digest" -o tsv`,
  ],
  flags: listFlags,
  columns: manifestColumns,
  run: ({ client }, flags) => manifestsOf(client, flags),
});

const showMetadata = placedCommand<PlacedFlags>(image, {
  brief: 'Show what is known of a manifest or a tag',
  examples: [
    'acr manifest show-metadata --name team/app:v1',
    'acr manifest show-metadata registry.example.com/team/app:v1',
  ],
  flags: {},
  columns: ({ name }) => columnsOf({ image: name }),
  run: ({ client }, flags) => describeSubject(client, subject(flags)),
});

const updateMetadata = placedCommand<PlacedFlags & AttributeFlags>(image, {
  brief: 'Say what may be done with a manifest or a tag',
  details: 'Says whether a tag, or a manifest that is named by its digest, can be deleted, written, pulled and listed.',
  examples: ['acr manifest update-metadata --name team/app:v1 --write-enabled false'],
  flags: attributeFlags,
  columns: lockColumns,
  run: ({ client }, flags) => changeSubject(client, subject(flags), changeOf(flags)),
});

const quarantine = placedCommand<PlacedFlags & { state: 'Passed' | 'Failed' | 'Quarantined'; details?: string }>(
  image,
  {
    brief: 'Release an image from quarantine, or keep it there',
    details:
      'Says that an image was looked at, and has passed or failed. Of an index it is said of all that it lists. Takes the role ' +
      'AcrQuarantineWriter.',
    examples: [
      'acr manifest quarantine --name team/app:v1 --state Passed',
      'acr manifest quarantine registry.example.com/team/app:v1 --state Failed',
    ],
    flags: {
      state: { kind: 'enum', values: ['Passed', 'Failed', 'Quarantined'], brief: 'What has come of it' },
      details: { ...textFlag, placeholder: 'json', brief: 'What the scanner says, as JSON' },
    },
    columns: { Digest: 'digest', State: 'changeableAttributes.quarantineState' },
    async run({ client }, { name, state, details }) {
      const { repository, tag, digest } = imageOf('--name', name);
      const { manifest } = await client.json({
        method: 'PATCH',
        path: `/acr/v1/${repository}/_manifests/${digest ?? tag}`,
        scope: repositoryScope(repository, 'metadata_write', 'metadata_read'),
        body: { quarantineState: state, ...(details !== undefined && { quarantineDetails: details }) },
        answer: z.looseObject({ manifest: z.looseObject({ digest: z.string() }) }),
      });
      return manifest;
    },
  },
);

const remove = placedCommand<PlacedFlags & ConfirmFlag>(image, {
  brief: 'Delete a manifest with all its tags',
  details:
    'Deletes a manifest with every tag that it has, whichever of them names it. Says before what goes, and asks. Where the ' +
    'registry keeps what is deleted, acr manifest restore brings it back.',
  examples: ['acr manifest delete --name team/app:v1', 'acr manifest delete registry.example.com/team/app:v1 --yes'],
  flags: confirmFlag,
  aliases: { y: 'yes' },
  columns: deletedColumns,
  run: (connection, flags) => deleteImage(connection, flags, imageOf('--name', flags.name)),
});

const referrer = z.looseObject({ digest: z.string() });

const listReferrers = placedCommand<PlacedFlags & { artifactType?: string }>(image, {
  brief: 'List what refers to a manifest: signatures, SBOMs, attestations',
  examples: [
    'acr manifest list-referrers --name team/app:v1 -o table',
    'acr manifest list-referrers registry.example.com/team/app:v1 --artifact-type application/spdx+json',
  ],
  flags: { artifactType: { ...textFlag, placeholder: 'type', brief: 'Only those of this type' } },
  columns: { Digest: 'digest', ArtifactType: "artifactType || ''", Size: bytesColumn('size') },
  async run({ client }, { name, artifactType }) {
    const named = imageOf('--name', name);
    const digest = named.digest ?? (await describeSubject(client, imageSubject(named)))['digest'];
    return client.all(`/v2/${named.repository}/referrers/${String(digest)}`, {
      scope: repositoryScope(named.repository, 'pull'),
      field: 'manifests',
      item: referrer,
      ...(artifactType !== undefined && { query: { artifactType } }),
    });
  },
});

/** More commands about manifests go here. */
export const manifestRoutes = buildRouteMap({
  routes: {
    list,
    show,
    listMetadata,
    showMetadata,
    updateMetadata,
    quarantine,
    listReferrers,
    delete: remove,
    listDeleted,
    listDeletedTags,
    restore,
    purgeDeleted,
  },
  docs: { brief: 'Manifests' },
});
