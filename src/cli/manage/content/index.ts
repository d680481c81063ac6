import { buildRouteMap } from '@stricli/core';
import { listDeletedRepositories } from './deleted.ts';
import { deleteRepository, listRepositories, showRepository, updateRepository } from './repositories.ts';
import { showTags, untag } from './tags.ts';

export { lock, unlock } from './locks.ts';
export { manifestRoutes } from './manifests.ts';
export { metadataRoutes } from './metadata.ts';
export { query } from './query.ts';
export { tagRoutes } from './tags.ts';

/** More commands about repositories go here. */
export const repositoryRoutes = buildRouteMap({
  routes: {
    list: listRepositories,
    listDeleted: listDeletedRepositories,
    show: showRepository,
    showTags,
    update: updateRepository,
    untag,
    delete: deleteRepository,
  },
  docs: { brief: 'Repositories, and what is in them' },
});
