import { bytesColumn, type Columns } from '../../output/index.ts';

/** Whether it can be changed and deleted, and how long not. */
const locked =
  'changeableAttributes.{locked: deleteEnabled == `false` || writeEnabled == `false`, until: lockExpiresOn}' +
  " | (locked && (until || 'yes') || '')";

/** What an artifact is; of an image, which is one of its configuration, its media type. */
const type =
  'artifactType != `"application/vnd.oci.image.config.v1+json"` && ' +
  'artifactType != `"application/vnd.docker.container.image.v1+json"` && artifactType || mediaType';

const times: Columns = { Created: 'createdTime', LastUpdate: 'lastUpdateTime' };

export const repositoryColumns: Columns = {
  Name: 'imageName',
  Manifests: 'manifestCount',
  Tags: 'tagCount',
  ...times,
  Locked: locked,
};

export const tagColumns: Columns = {
  Name: 'name',
  Digest: 'digest',
  LastUpdate: 'lastUpdateTime',
  LastPull: "lastPullTime || ''",
  Locked: locked,
};

export const manifestColumns: Columns = {
  Digest: 'digest',
  Tags: 'tags || `[]`',
  Type: type,
  Size: bytesColumn('imageSize'),
  LastUpdate: 'lastUpdateTime',
  LastPull: "lastPullTime || ''",
  Locked: locked,
};

/** Of whatever can be locked: it says by which name it goes. */
export const lockColumns: Columns = {
  Name: 'imageName || name || digest',
  Delete: 'changeableAttributes.deleteEnabled',
  Write: 'changeableAttributes.writeEnabled',
  Read: 'changeableAttributes.readEnabled',
  List: 'changeableAttributes.listEnabled',
  Owner: "changeableAttributes.lockOwner || ''",
  Reason: "changeableAttributes.lockReason || ''",
  Until: "changeableAttributes.lockExpiresOn || ''",
};

export const deletedColumns: Columns = {
  Manifests: 'manifestsDeleted',
  Tags: 'tagsDeleted',
};
