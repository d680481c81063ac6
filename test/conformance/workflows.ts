/** One run of the conformance suite against a server of its own. */
export interface Workflow {
  name: string;
  /** Settings of the server, by dotted key. */
  settings: Record<string, boolean | number>;
  /** Environment of the suite, beside where the server is. */
  environment: Record<string, string>;
  /** What is left out, by the name that the suite reports, and why. All else must run and pass. */
  leftOut: Record<string, string>;
}

// Named one by one, so that a suite that changes its defaults does not quietly test less.
const apis = [
  'PING',
  'PULL',
  'PUSH',
  'BLOBS_ATOMIC',
  'BLOBS_DELETE',
  'BLOBS_DIGEST_HEADER',
  'BLOBS_MOUNT_ANONYMOUS',
  'BLOBS_UPLOAD_CANCEL',
  'MANIFESTS_ATOMIC',
  'MANIFESTS_DELETE',
  'MANIFESTS_DIGEST_HEADER',
  'MANIFESTS_TAG_PARAM',
  'TAGS_ATOMIC',
  'TAGS_DELETE',
  'TAGS_LIST',
  'REFERRER',
];
const data = [
  'IMAGE',
  'INDEX',
  'INDEX_LIST',
  'ARTIFACT',
  'SUBJECT',
  'SUBJECT_MISSING',
  'ARTIFACT_LIST',
  'SUBJECT_LIST',
  'DATA_FIELD',
  'NONDISTRIBUTABLE',
  'CUSTOM_FIELDS',
  'NO_LAYERS',
  'EMPTY_BLOB',
  'SHA512',
];
const everything = Object.fromEntries([
  ...apis.map((name) => [`OCI_API_${name}`, 'true']),
  ...data.map((name) => [`OCI_DATA_${name}`, 'true']),
]) as Record<string, string>;

const sparse = { 'Sparse Manifests': 'refused unless the registry is told to accept them; the next workflow does' };
const after11 = 'came after 1.1';

export const workflows: readonly Workflow[] = [
  {
    name: '1.2-dev',
    settings: {},
    environment: { ...everything, OCI_VERSION: 'dev', OCI_DATA_SPARSE: 'false' },
    leftOut: sparse,
  },
  {
    name: '1.2-dev, sparse',
    settings: { 'manifests.sparseIndexes': true },
    environment: { ...everything, OCI_VERSION: 'dev', OCI_DATA_SPARSE: 'true' },
    leftOut: {},
  },
  {
    name: '1.2-dev, 2 processes',
    settings: { processes: 2 },
    environment: { ...everything, OCI_VERSION: 'dev', OCI_DATA_SPARSE: 'false' },
    leftOut: sparse,
  },
  {
    name: '1.1',
    settings: {},
    environment: { OCI_VERSION: '1.1' },
    leftOut: {
      ...sparse,
      'Blob upload cancel': after11,
      'sha256 blobs/post cancel/blob-post-cancel': after11,
      'sha512 blobs/post cancel/blob-post-cancel': after11,
      'Manifest put with tag params': after11,
      'Tag Param': after11,
      'Tag Param sha512': after11,
    },
  },
];
