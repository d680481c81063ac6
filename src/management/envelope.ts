import type { z } from 'zod';
import type { Resource } from '../resources/index.ts';
import { type Call, handlersOf } from './edge.ts';
import type { HookContext } from './handlers.ts';

/** A resource as ARM shows it. */
export async function present(call: Call, context: HookContext, resource: Resource): Promise<Record<string, unknown>> {
  const { type } = context;
  const handlers = handlersOf(call.edge, type);
  const readOnly = await handlers.present?.(resource, context);
  const hasState = 'provisioningState' in type.readOnly.shape;
  return {
    id: resource.id,
    name: resource.name,
    type: type.type,
    ...(resource.location !== undefined && { location: resource.location }),
    ...(type.top.tags && { tags: resource.tags ?? {} }),
    ...(resource.sku && { sku: resource.sku }),
    ...(resource.identity && { identity: resource.identity }),
    properties: {
      ...resource.properties,
      ...(hasState && { provisioningState: resource.state ?? 'Succeeded' }),
      ...readOnly,
    },
    systemData: {
      createdBy: resource.createdBy,
      createdAt: new Date(resource.createdAt).toISOString(),
      lastModifiedBy: resource.updatedBy,
      lastModifiedAt: new Date(resource.updatedAt).toISOString(),
    },
    etag: quoted(resource.etag),
  };
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

/** An answer in JSON; its headers are completed where all answers pass. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

/** Nothing leaves that the declaration does not name. */
export function outputOf({ output }: { output: z.ZodType | undefined }, result: unknown): unknown {
  return output ? output.parse(result) : undefined;
}

/** An answer without a body. */
export function empty(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}
