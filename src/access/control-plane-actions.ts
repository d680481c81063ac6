/**
 * What the built-in roles for the management of a registry contain, as Azure publishes it ("Azure built-in roles for
 * Containers"). Paths are relative to Microsoft.ContainerRegistry/registries; a name stands for several actions.
 */
const registry = 'Microsoft.ContainerRegistry/registries';

function actionsOf(paths: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(paths).flatMap(([path, names]) =>
    names.map((name) => `${registry}${path === '' ? '' : `/${path}`}/${name}`),
  );
}

const alertRules = ['Write', 'Delete', 'Read', 'Activated/Action', 'Resolved/Action', 'Throttled/Action']
  .concat('Incidents/Read')
  .map((name) => `Microsoft.Insights/AlertRules/${name}`);

const insights = {
  'providers/Microsoft.Insights/diagnosticSettings': ['read', 'write'],
  'providers/Microsoft.Insights/logDefinitions': ['read'],
  'providers/Microsoft.Insights/metricDefinitions': ['read'],
};

const readGroups = 'Microsoft.Resources/subscriptions/resourceGroups/read';
const deployments = 'Microsoft.Resources/deployments/*';
const edits = ['read', 'write', 'delete'];

export const configurationReaderActions: readonly string[] = [
  ...actionsOf({
    '': ['operationStatuses/read', 'read', 'listCredentials/action'],
    privateEndpointConnections: ['read', 'operationStatuses/read'],
    tokens: ['read', 'operationStatuses/read'],
    scopeMaps: ['read', 'operationStatuses/read'],
    webhooks: ['read', 'getCallbackConfig/action', 'listEvents/action', 'operationStatuses/read'],
    replications: ['read', 'operationStatuses/read'],
    connectedRegistries: ['read'],
    ...insights,
  }),
  ...alertRules,
];

export const configurationAdministratorActions: readonly string[] = [
  readGroups,
  ...actionsOf({
    '': ['operationStatuses/read', ...edits, 'listCredentials/action', 'regenerateCredential/action'],
    generateCredentials: ['action'],
    replications: [...edits, 'operationStatuses/read'],
    privateEndpointConnectionsApproval: ['action'],
    privateEndpointConnections: [...edits, 'operationStatuses/read'],
    tokens: [...edits, 'operationStatuses/read'],
    scopeMaps: [...edits, 'operationStatuses/read'],
    ...insights,
    connectedRegistries: [...edits, 'deactivate/action'],
    webhooks: [...edits, 'getCallbackConfig/action', 'ping/action', 'listEvents/action', 'operationStatuses/read'],
  }),
  deployments,
  'Microsoft.Authorization/*/read',
  ...alertRules,
  'Microsoft.ContainerRegistry/locations/operationResults/read',
  'Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action',
  'Microsoft.Network/virtualNetworks/subnets/read',
  'Microsoft.Network/virtualNetworks/subnets/write',
  'Microsoft.Network/virtualNetworks/read',
  'Microsoft.Network/privateEndpoints/privateLinkServiceProxies/write',
];

export const tasksActions: readonly string[] = [
  ...actionsOf({
    agentpools: [...edits, 'listQueueStatus/action', 'operationResults/status/read', 'operationStatuses/read'],
    tasks: [...edits, 'listDetails/action'],
    scheduleRun: ['action'],
    listBuildSourceUploadUrl: ['action'],
    runs: ['read', 'write', 'listLogSasUrl/action', 'cancel/action'],
    taskruns: [...edits, 'listDetails/action', 'operationStatuses/read'],
    '': ['read'],
  }),
  deployments,
  readGroups,
];

export const transferPipelineActions: readonly string[] = actionsOf({
  exportPipelines: edits,
  importPipelines: edits,
  pipelineRuns: [...edits, 'operationStatuses/read'],
});

const identities = 'Microsoft.ManagedIdentity/userAssignedIdentities';
const identityCommon = [
  'Microsoft.Authorization/*/read',
  'Microsoft.Insights/alertRules/*',
  readGroups,
  deployments,
  'Microsoft.Support/*',
];

export const identityContributorActions: readonly string[] = [
  ...edits.map((name) => `${identities}/${name}`),
  ...edits.map((name) => `${identities}/federatedIdentityCredentials/${name}`),
  `${identities}/revokeTokens/action`,
  ...identityCommon,
];

export const identityOperatorActions: readonly string[] = [
  `${identities}/*/read`,
  `${identities}/*/assign/action`,
  ...identityCommon,
];

export const contributorNotActions: readonly string[] = [
  'Microsoft.Authorization/*/Delete',
  'Microsoft.Authorization/*/Write',
  'Microsoft.Authorization/elevateAccess/Action',
  'Microsoft.Blueprint/blueprintAssignments/write',
  'Microsoft.Blueprint/blueprintAssignments/delete',
  'Microsoft.Compute/galleries/share/action',
  'Microsoft.Purview/consents/write',
  'Microsoft.Purview/consents/delete',
  'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
  'Microsoft.Subscription/cancel/action',
  'Microsoft.Subscription/enable/action',
];
