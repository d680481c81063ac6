import { type ArmId, parseArmId } from '../operations/index.ts';

/** What people call a type of resource, and the command that lists them. */
const known: Record<string, readonly [kind: string, command: string]> = {
  'microsoft.containerregistry/registries': ['registry', 'acr list'],
  'microsoft.containerregistry/registries/scopemaps': ['scope map', 'scope-map list'],
  'microsoft.containerregistry/registries/tokens': ['token', 'token list'],
  'microsoft.containerregistry/registries/privateendpointconnections': [
    'private endpoint connection',
    'acr private-endpoint-connection list',
  ],
  'microsoft.containerregistry/registries/admissionpolicies': ['policy', 'policy list'],
  'microsoft.containerregistry/registries/admissionexceptions': ['exception', 'exception list'],
  'microsoft.containerregistry/registries/replications': ['replication', 'acr replication list'],
  'microsoft.containerregistry/tiers': ['tier', 'tier list'],
  'microsoft.containerregistry/trustedissuers': ['trusted issuer', 'issuer list'],
  'microsoft.managedidentity/userassignedidentities': ['identity', 'identity list'],
  'microsoft.managedidentity/userassignedidentities/federatedidentitycredentials': [
    'federated credential',
    'identity federated-credential list',
  ],
  'microsoft.authorization/roledefinitions': ['role', 'role definition list'],
  'microsoft.authorization/roleassignments': ['role assignment', 'role assignment list'],
};

/** What to tell somebody who has named a resource that is not there; undefined where the message names none that is known. */
export function missingText(message: string): string | undefined {
  const id = parseArmId(/ (\/\S+) /.exec(message)?.[1] ?? '');
  const [kind, command] = known[id?.type.toLowerCase() ?? ''] ?? [];
  if (!id || kind === undefined) return undefined;
  const owner = ownerOf(id);
  const inside = owner === undefined ? '' : ` of ${owner.kind} ${owner.name}`;
  const flag = owner === undefined ? '' : ` --${owner.flag} ${owner.name}`;
  return `there is no ${kind} ${id.name}${inside}; bonded ${command}${flag} shows what there is`;
}

/** What a child is of, and the flag that names it. */
function ownerOf({ parent, isChild }: ArmId): { kind: string; name: string; flag: string } | undefined {
  const owner = isChild && parent !== undefined ? parseArmId(parent) : undefined;
  if (!owner) return undefined;
  const kind = known[owner.type.toLowerCase()]?.[0] ?? 'resource';
  return { kind, name: owner.name, flag: kind === 'identity' ? 'identity-name' : kind };
}
