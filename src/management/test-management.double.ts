import { z } from 'zod';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { eventMigrations } from '../events/index.ts';
import { createHostTable, startServer, type TlsFiles } from '../http/index.ts';
import {
  action,
  apiVersions,
  createOperations,
  groupScope,
  operationMigrations,
  providerAction,
  resourceType,
  subscriptionScope,
} from '../operations/index.ts';
import { createMirror, createResources, type Mirror, resourceMigrations, type Resources } from '../resources/index.ts';
import { createLog, createMetrics } from '../telemetry/index.ts';
import {
  createManagement,
  type Management,
  type ManagementOptions,
  type ResourceHandlers,
  type ServedType,
} from './index.ts';

const namespace = 'Microsoft.ContainerRegistry';
const versions = apiVersions.containerRegistry;

/** Much like ACR's. */
export const registries = resourceType({
  namespace,
  path: 'registries',
  description: 'A registry.',
  name: { pattern: /^[A-Za-z0-9]{5,50}$/, says: '5 to 50 letters and digits' },
  apiVersions: versions,
  properties: z.object({
    adminUserEnabled: z.boolean().default(false),
    mode: z.enum(['Open', 'Closed']).optional(),
    policies: z.object({ days: z.int().min(1).max(365).default(7) }).prefault({}),
    secret: z.string().optional(),
  }),
  readOnly: z.object({ loginServer: z.string(), provisioningState: z.string() }),
  secrets: ['secret'],
  top: { location: 'required', tags: true, sku: z.object({ name: z.enum(['Basic', 'Standard', 'Premium']) }) },
  most: 150,
  actions: {
    generateCredentials: action({
      description: 'New credentials.',
      input: z.object({ tokenId: z.string(), name: z.enum(['password1', 'password2']).optional() }),
      output: z.object({ username: z.string(), passwords: z.array(z.object({ name: z.string(), value: z.string() })) }),
    }),
    listUsages: action({
      description: 'What is used.',
      method: 'GET',
      output: z.object({ value: z.array(z.object({ name: z.string() })) }),
      permission: `${namespace}/registries/listUsages/read`,
    }),
    rebuild: action({ description: 'Takes its time.', longRunning: true, output: z.object({ rebuilt: z.number() }) }),
  },
});

export const tokens = resourceType({
  namespace,
  path: 'registries/tokens',
  description: 'A token.',
  name: { pattern: /^[A-Za-z0-9-]{5,50}$/, says: '5 to 50 letters, digits and hyphens' },
  apiVersions: versions,
  properties: z.object({
    scopeMapId: z.string(),
    status: z.enum(['enabled', 'disabled']).default('enabled'),
    credentials: z.object({ passwords: z.array(z.object({ name: z.string() })) }).optional(),
  }),
  readOnly: z.object({ creationDate: z.string(), provisioningState: z.string() }),
  fixed: ['scopeMapId'],
});

/** Whose writes go on after the answer. */
export const replications = resourceType({
  namespace,
  path: 'registries/replications',
  description: 'A copy elsewhere.',
  name: { pattern: /^[a-z0-9]+$/, says: 'letters and digits' },
  apiVersions: versions,
  properties: z.object({ fails: z.boolean().default(false) }),
  readOnly: z.object({ provisioningState: z.string() }),
  top: { location: 'required', tags: true },
  longRunning: ['put', 'patch', 'delete'],
});

export const assignments = resourceType({
  namespace: 'Microsoft.Authorization',
  path: 'roleAssignments',
  description: 'An assignment.',
  name: { pattern: /^[0-9a-f-]{36}$/i, says: 'the form of a GUID' },
  apiVersions: apiVersions.authorization,
  properties: z.object({ principalId: z.string(), roleDefinitionId: z.string() }),
  scope: 'extension',
});

export const definitions = resourceType({
  namespace: 'Microsoft.Authorization',
  path: 'roleDefinitions',
  description: 'A role.',
  name: { pattern: /^[0-9a-f-]{36}$/i, says: 'the form of a GUID' },
  apiVersions: apiVersions.authorization,
  properties: z.object({ roleName: z.string() }),
  scope: 'extension',
});

export const checkName = providerAction({
  namespace,
  name: 'checkNameAvailability',
  description: 'Whether a name is free.',
  apiVersions: versions,
  input: z.object({ name: z.string(), type: z.string() }),
  output: z.object({ nameAvailable: z.boolean() }),
});

export const builtInId = `${subscriptionScope}/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d`;

export interface Rig extends AsyncDisposable {
  url: string;
  db: TestDatabase;
  resources: Resources;
  mirror: Mirror;
  management: Management;
  /** Rights that were asked for, in order. */
  asked: string[];
  /** Statements that were sent to the database. */
  statements: string[];
  /** Whom nothing is allowed: by the header `x-user`. */
  denied: Set<string>;
  /** Clock (ms). */
  clock: { now: number };
  /** Secrets that hooks were given. */
  secrets: unknown[];
  /** Lets what is long-running end. */
  release: PromiseWithResolvers<void>;
  /** How often what is long-running was begun. */
  begun: string[];
  /** Another process with the same facts, without a server. */
  another(options?: Partial<ManagementOptions>): Management;
  /** A request with the api-version that the type has last; the body as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** The management API on a server in this process, with sample types. */
export async function startManagement({
  tls,
  options: changed = {},
}: { tls?: TlsFiles; options?: Partial<ManagementOptions> } = {}): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const opened = await openTestDatabase([...eventMigrations, ...operationMigrations, ...resourceMigrations]);
  stack.use(opened);
  const statements: string[] = [];
  const db: TestDatabase = {
    ...opened,
    first: (text, parameters) => (statements.push(text), opened.first(text, parameters)),
    all: (text, parameters) => (statements.push(text), opened.all(text, parameters)),
    write: (act, options) => (statements.push('write'), opened.write(act, options)),
  };
  const clock = { now: Date.UTC(2026, 0, 2) };
  const now = () => clock.now;
  const resources = createResources(db, { now });
  const mirror = await createMirror(resources, [registries.type, tokens.type]);
  const asked: string[] = [];
  const denied = new Set<string>();
  const secrets: unknown[] = [];
  const release = Promise.withResolvers<void>();
  const begun: string[] = [];
  const types: ServedType[] = [
    { type: registries, handlers: registryHandlers(secrets, release.promise, begun) },
    {
      type: tokens,
      handlers: { present: ({ createdAt }) => ({ creationDate: new Date(createdAt).toISOString() }) },
    },
    {
      type: replications,
      handlers: {
        async run(task, verb, { properties }) {
          begun.push(`${verb} ${task.name}`);
          await Promise.race([release.promise, aborted(task.signal)]);
          if (properties['fails']) throw new Error('inside');
        },
      },
    },
    { type: assignments, handlers: {} },
    { type: definitions, handlers: { builtIns: () => [builtIn] } },
  ];
  const all: ManagementOptions = {
    types,
    providerActions: [
      {
        action: checkName,
        handle: async (_, input) => ({
          nameAvailable: !(await resources.get(
            `${groupScope}/providers/${registries.type}/${(input as { name: string }).name}`,
          )),
        }),
      },
    ],
    resources,
    operations: createOperations(db, { now }),
    authorise(exchange, right, id) {
      asked.push(`${right} ${id}`);
      return !denied.has(String(exchange.principal));
    },
    describe: String,
    refresh: () => mirror.refresh(),
    now,
    ...changed,
  };
  const management = createManagement(all);
  const server = startServer({
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: undefined,
    tls,
    trustedProxies: [],
    hosts: createHostTable({ registries: [], defaultRegistry: 1, domain: 'localhost', defaultHosts: [] }),
    handle: (exchange) =>
      management.handle(Object.assign(exchange, { principal: exchange.request.headers.get('x-user') ?? 'anna' })),
    renderError: management.renderError,
    missingFile() {},
    ready: async () => {},
    limits: { requests: 100, bodies: 100 },
    idleSeconds: 60,
    reusePort: false,
    log: createLog({ level: 'silent', format: 'json' }),
    metrics: createMetrics(),
  });
  stack.defer(async () => {
    release.resolve();
    await management.settle();
    await server.drain(0, 1000);
  });
  const owned = stack.move();
  return {
    url: server.url,
    db,
    resources,
    mirror,
    management,
    asked,
    statements,
    denied,
    clock,
    secrets,
    release,
    begun,
    another: (more) => createManagement({ ...all, ...more }),
    call(method, path, body, headers = {}) {
      const version = path.toLowerCase().includes('authorization') ? '2022-04-01' : '2025-11-01';
      const separator = path.includes('?') ? '&' : '?';
      const url = path.includes('api-version') ? path : `${path}${separator}api-version=${version}`;
      return fetch(url.startsWith('http') ? url : `${server.url}${url}`, {
        method,
        headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Rejects with what a signal was aborted for. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

function registryHandlers(secrets: unknown[], release: Promise<void>, begun: string[]): ResourceHandlers {
  return {
    beforeWrite({ secrets: given }, next, previous) {
      if (Object.keys(given).length > 0) secrets.push(given);
      return { ...next, own: { ...next.own, number: previous?.own?.['number'] ?? 7 } };
    },
    present: ({ name, own }) => ({ loginServer: `${name.toLowerCase()}.example.com`, number: own?.['number'] }),
    actions: {
      generateCredentials: (_, input) => ({
        username: (input as { tokenId: string }).tokenId.split('/').at(-1),
        passwords: [{ name: 'password1', value: 'shown once' }],
        internal: 'never shown',
      }),
      listUsages: () => ({ value: [{ name: 'Size' }] }),
    },
    longActions: {
      rebuild: {
        begin: () => ({ input: { count: 3 }, secret: 'hush' }),
        async carryOut(task, input) {
          begun.push(`rebuild with ${task.secret()} after ${task.progress?.percentComplete ?? 0} %`);
          await task.report({ percentComplete: 40, done: 1 });
          await Promise.race([release, aborted(task.signal)]);
          return { rebuilt: (input as { count: number }).count };
        },
      },
    },
  };
}

const builtIn = {
  id: builtInId,
  key: builtInId.toLowerCase(),
  type: definitions.type,
  name: builtInId.split('/').at(-1)!,
  parent: '/',
  properties: { roleName: 'AcrPull' },
  etag: 'built-in',
  createdAt: 0,
  updatedAt: 0,
  createdBy: '',
  updatedBy: '',
  stamp: 0,
  home: '',
};
