import type { ManifestDescription, ManifestRow, Metadata, Pulls } from '../catalog/index.ts';
import type { Digest, Platform } from '../oci/index.ts';
import type { TableColumn, Value } from '../query/index.ts';
import type { QuarantineState } from './exchange.ts';

/** What is known of manifests, by what has to be asked for it. */
export interface Known {
  blobBytes?: Map<Digest, number>;
  configs?: Map<Digest, NonNullable<ManifestDescription['config']>>;
  tags?: Map<Digest, string[]>;
  annotations?: Map<Digest, string>;
  metadata?: Map<Digest, Map<string, Metadata>>;
  pulls?: Map<string, Pulls>;
  quarantine?: Map<Digest, { state?: QuarantineState }>;
  platforms?: Map<Digest, Platform>;
}

export type Look = keyof Known;

interface Column extends TableColumn {
  /** Undefined where the row has it. */
  looks?: Look;
  read(row: ManifestRow, repository: string, known: Known): Value;
}

/** The columns of the table `Manifests`; those that ACR has are called as there. A string that is missing is empty. */
export const manifestColumns: readonly Column[] = [
  { name: 'digest', type: 'string', read: ({ digest }) => digest },
  { name: 'repository', type: 'string', read: (_, repository) => repository },
  {
    name: 'tags',
    type: 'dynamic',
    looks: 'tags',
    read: ({ digest }, _, { tags }) => tags?.get(digest) ?? [],
  },
  { name: 'mediaType', type: 'string', read: ({ mediaType }) => mediaType },
  { name: 'artifactType', type: 'string', read: ({ artifactType }) => artifactType ?? '' },
  {
    name: 'configMediaType',
    type: 'string',
    looks: 'configs',
    read: ({ digest }, _, { configs }) => configs?.get(digest)?.mediaType ?? '',
  },
  { name: 'subject', type: 'string', read: ({ subject }) => subject ?? '' },
  { name: 'createdAt', type: 'datetime', read: ({ pushedAt }) => pushedAt },
  { name: 'size', type: 'number', read: ({ size }) => size },
  {
    name: 'imageSize',
    type: 'number',
    looks: 'blobBytes',
    read: ({ digest, kind, size }, _, { blobBytes }) => (kind === 'index' ? size : (blobBytes?.get(digest) ?? 0)),
  },
  {
    name: 'architecture',
    type: 'string',
    looks: 'platforms',
    read: ({ digest }, _, { platforms }) => platforms?.get(digest)?.architecture ?? '',
  },
  {
    name: 'os',
    type: 'string',
    looks: 'platforms',
    read: ({ digest }, _, { platforms }) => platforms?.get(digest)?.os ?? '',
  },
  {
    name: 'annotations',
    type: 'dynamic',
    looks: 'annotations',
    read: ({ digest }, _, { annotations }) => jsonOf(annotations?.get(digest)),
  },
  {
    name: 'metadata',
    type: 'dynamic',
    looks: 'metadata',
    read: ({ digest }, _, { metadata }) => metadataValue(metadata?.get(digest)),
  },
  {
    name: 'pullCount',
    type: 'number',
    looks: 'pulls',
    read: ({ digest }, _, { pulls }) => pulls?.get(digest)?.pulls ?? 0,
  },
  {
    name: 'lastPullTime',
    type: 'datetime',
    looks: 'pulls',
    read: ({ digest }, _, { pulls }) => pulls?.get(digest)?.lastPullAt ?? null,
  },
  {
    name: 'quarantineState',
    type: 'string',
    looks: 'quarantine',
    read: ({ digest }, _, { quarantine }) => quarantine?.get(digest)?.state ?? '',
  },
  { name: 'changeableAttributes', type: 'dynamic', read: (row) => ({ ...row.abilities }) },
];

/** The number of a column. */
export const columnNumber = (name: string): number => manifestColumns.findIndex((column) => column.name === name);

/** What has to be asked for columns. */
export function looksOf(columns: readonly number[]): Set<Look> {
  return new Set(columns.flatMap((column) => manifestColumns[column]?.looks ?? []));
}

/** Annotations: all of them are texts. */
function jsonOf(text: string | undefined): Value {
  return text === undefined ? null : (JSON.parse(text) as Value);
}

/** A number that no double holds would be infinite, which no order can go on behind: it is none. */
const finite = (_: string, value: Value) => (typeof value === 'number' && !Number.isFinite(value) ? null : value);

/** A text is a text, JSON what it says. */
function metadataValue(metadata: Map<string, Metadata> | undefined): Value {
  if (!metadata) return null;
  const values = [...metadata].map(([key, { value, mediaType }]) => [
    key,
    mediaType === 'application/json' ? (JSON.parse(value, finite) as Value) : value,
  ]);
  return Object.fromEntries(values) as Value;
}
