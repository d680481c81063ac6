import {
  configurationAdministratorActions,
  configurationReaderActions,
  contributorNotActions,
  identityContributorActions,
  identityOperatorActions,
  tasksActions,
  transferPipelineActions,
} from './control-plane-actions.ts';
import { type Permission, permissionActions } from './permissions.ts';
import type { RoleDefinition, RolePermission } from './roles.ts';

const registries = 'Microsoft.ContainerRegistry/registries';

/** Azure's built-in roles that mean something to a registry, with Azure's names and GUIDs; smaller ones first. */
export const builtInRoles: readonly RoleDefinition[] = [
  builtIn('7f951dda-4ed3-4680-a7ca-43fe172d538d', 'AcrPull', 'Pull artifacts from a registry.', {
    actions: legacy('content/read'),
  }),
  builtIn('8311e382-0749-4cb8-b61a-304f252e45ec', 'AcrPush', 'Push artifacts to a registry, and pull them.', {
    actions: legacy('content/read', 'content/write'),
  }),
  builtIn('c2f4ef07-c644-48eb-af81-4b1b4947fb11', 'AcrDelete', 'Delete repositories, tags and manifests.', {
    actions: legacy('content/delete'),
  }),
  builtIn('6cef56e8-d556-48e5-a04f-b8e64114680f', 'AcrImageSigner', 'Sign the content of a registry.', {
    actions: legacy('sign'),
    dataActions: data('sign'),
  }),
  builtIn('cdda3590-29a3-44f6-95f2-9f980659eb04', 'AcrQuarantineReader', 'Pull artifacts in quarantine.', {
    actions: legacy('quarantine/read'),
    dataActions: data('quarantine/read'),
  }),
  builtIn(
    'c8d4ff99-41c3-41a8-9f60-21dfdad59608',
    'AcrQuarantineWriter',
    'Pull artifacts in quarantine, and change whether they are.',
    {
      actions: legacy('quarantine/read', 'quarantine/write'),
      dataActions: data('quarantine/read', 'quarantine/write'),
    },
  ),
  builtIn(
    'b93aa761-3e63-49ed-ac28-beffa264f7ac',
    'Container Registry Repository Reader',
    'Read repositories, without listing the catalog.',
    { dataActions: data('metadata/read', 'content/read') },
  ),
  builtIn(
    '2a1e307c-b015-4ebd-883e-5b7698a07328',
    'Container Registry Repository Writer',
    'Read and write repositories, without listing the catalog.',
    { dataActions: data('metadata/read', 'content/read', 'metadata/write', 'content/write') },
  ),
  builtIn(
    '2efddaa5-3f1f-4df3-97df-af3f13818f4c',
    'Container Registry Repository Contributor',
    'Read, write and delete repositories, without listing the catalog.',
    {
      dataActions: data(
        'metadata/read',
        'content/read',
        'metadata/write',
        'content/write',
        'metadata/delete',
        'content/delete',
      ),
    },
  ),
  builtIn(
    'bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7',
    'Container Registry Repository Catalog Lister',
    'List all repositories of a registry.',
    { dataActions: data('catalog/read') },
  ),
  builtIn(
    '577a9874-89fd-4f24-9dbd-b5034d0ad23a',
    'Container Registry Data Importer and Data Reader',
    'Import images into a registry, list its repositories and pull.',
    {
      actions: [`${registries}/importImage/action`, `${registries}/read`, ...legacy('content/read')],
      dataActions: data('content/read', 'metadata/read', 'catalog/read'),
    },
  ),
  builtIn(
    '69b07be0-09bf-439a-b9a6-e73de851bd59',
    'Container Registry Configuration Reader and Data Access Configuration Reader',
    'List registries, their configuration and what configures access to data, without access to content.',
    { actions: configurationReaderActions },
  ),
  builtIn(
    '3bc748fc-213d-45c1-8d91-9da5725539b9',
    'Container Registry Contributor and Data Access Configuration Administrator',
    'Create and configure registries and what configures access to data, without access to content.',
    { actions: configurationAdministratorActions },
  ),
  builtIn(
    'fb382eab-e894-4461-af04-94435c366c3f',
    'Container Registry Tasks Contributor',
    'Configure, run and cancel tasks, runs and agent pools.',
    { actions: tasksActions },
  ),
  builtIn(
    'bf94e731-3a51-4a7c-8c54-a1ab9971dfc1',
    'Container Registry Transfer Pipeline Contributor',
    'Transfer artifacts with import and export pipelines, without pushing or pulling.',
    { actions: transferPipelineActions },
  ),
  builtIn('f1a07417-d97a-45cb-824c-7a7467783830', 'Managed Identity Operator', 'Read and assign identities.', {
    actions: identityOperatorActions,
  }),
  builtIn(
    'e40ec5ca-96e0-45a2-b4ff-59039f2c2b59',
    'Managed Identity Contributor',
    'Create, read, update and delete identities and their federated credentials.',
    { actions: identityContributorActions },
  ),
  builtIn('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', 'View all resources, without changing any.', {
    actions: ['*/read'],
  }),
  builtIn('18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', 'User Access Administrator', 'Manage access to resources.', {
    actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'],
  }),
  builtIn(
    'f58310d9-a9f6-439a-9e8d-f62e7b41a168',
    'Role Based Access Control Administrator',
    'Manage access to resources by assigning roles.',
    {
      actions: [
        'Microsoft.Authorization/roleAssignments/write',
        'Microsoft.Authorization/roleAssignments/delete',
        '*/read',
        'Microsoft.Support/*',
      ],
    },
  ),
  builtIn('b24988ac-6180-42a0-ab88-20f7382dd24c', 'Contributor', 'Manage all resources, without assigning roles.', {
    actions: ['*'],
    notActions: contributorNotActions,
  }),
  builtIn('8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', 'Manage all resources, and assign roles.', {
    actions: ['*'],
  }),
];

function builtIn(name: string, roleName: string, description: string, permission: RolePermission): RoleDefinition {
  return {
    id: `/providers/Microsoft.Authorization/roleDefinitions/${name}`,
    name,
    roleName,
    description,
    type: 'BuiltInRole',
    permissions: [{ actions: [], notActions: [], dataActions: [], notDataActions: [], ...permission }],
    assignableScopes: ['/'],
  };
}

function data(...list: Permission[]): string[] {
  return list.map((permission) => permissionActions[permission].data);
}

function legacy(...list: Permission[]): string[] {
  return list.map((permission) => permissionActions[permission].legacy);
}
