import { z } from 'zod';
import { UsageError } from '../../failure.ts';
import { readText } from '../read-text.ts';

const maxBytes = 262_144;
const list = z.array(z.string()).default([]);
const permission = z.object({ actions: list, notActions: list, dataActions: list, notDataActions: list });

/** A role as `az role definition create` takes it (`{"Name": …, "Actions": […]}`), or as ARM and `role definition show` have it. */
const written = z
  .object({
    id: z.string().optional(),
    name: z.string().optional(),
    rolename: z.string().optional(),
    description: z.string().optional(),
    assignablescopes: z.array(z.string()).optional(),
    permissions: z.array(z.preprocess(lowerKeys, z.looseObject({}))).optional(),
    properties: z.record(z.string(), z.unknown()).optional(),
  })
  .loose();

export interface WrittenRole {
  roleName: string;
  /** GUID, where it has one. */
  guid: string | undefined;
  properties: {
    roleName: string;
    description?: string;
    permissions: z.output<typeof permission>[];
    assignableScopes?: string[];
  };
}

/** Reads a role from JSON, or from the file that follows an `@`. Throws UsageError. */
export async function readDefinition(flag: string, given: string): Promise<WrittenRole> {
  const text = given.startsWith('@') ? await readText(flag, given.slice(1), maxBytes) : given;
  const parsed = written.safeParse(lowerKeys(parse(flag, text)));
  if (!parsed.success) throw wrong(flag, parsed.error);
  const { properties: nested, ...top } = parsed.data;
  const role = { ...top, ...(nested && (lowerKeys(nested) as typeof top)) };
  const guid = [top.name, role.id?.split('/').at(-1)].find((own) => own !== undefined && isGuid(own));
  const roleName = role.rolename ?? (top.name !== undefined && !isGuid(top.name) ? top.name : undefined);
  if (roleName === undefined) throw new UsageError(`${flag}: the role has no Name; ${form}`);
  const sets = (role.permissions ?? [role]).map((set) => readPermission(flag, set));
  return {
    roleName,
    guid,
    properties: {
      roleName,
      ...(role.description !== undefined && { description: role.description }),
      permissions: sets,
      ...(role.assignablescopes && { assignableScopes: role.assignablescopes }),
    },
  };
}

const form =
  'it has the form {"Name": "Team reader", "DataActions": ["Microsoft.ContainerRegistry/registries/repositories/content/read"]}';

function readPermission(flag: string, set: unknown): z.output<typeof permission> {
  const { actions, notactions, dataactions, notdataactions } = lowerKeys(set) as Record<string, unknown>;
  const parsed = permission.safeParse({
    actions,
    notActions: notactions,
    dataActions: dataactions,
    notDataActions: notdataactions,
  });
  if (!parsed.success) throw wrong(flag, parsed.error);
  return parsed.data;
}

function parse(flag: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${flag}: this is no JSON; write @FILE or ${form.slice('it has the form '.length)}`);
  }
}

/** `az` writes `Name` and `DataActions`, ARM `name` and `dataActions`. */
function lowerKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key.toLowerCase(), own]));
}

function wrong(flag: string, error: z.ZodError): UsageError {
  const [issue] = error.issues;
  return new UsageError(`${flag}: ${issue?.path.join('.') || 'the role'}: ${issue?.message ?? 'is wrong'}; ${form}`);
}

export function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
