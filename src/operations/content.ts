import { z } from 'zod';
import type { ResourceType } from './declare.ts';
import { invalidContent } from './invalid-content.ts';
import { ManagementError } from './management-error.ts';
import { type JsonObject, mergePatch, valueAt, without } from './merge-patch.ts';

/** The parts of a resource that a client writes. */
export interface WrittenBody {
  location?: string | undefined;
  tags?: Record<string, string> | undefined;
  sku?: JsonObject | undefined;
  identity?: JsonObject | undefined;
  properties: JsonObject;
}

export interface Written {
  body: WrittenBody;
  /** Values of the properties that are not stored, by their paths; only those that were sent. */
  secrets: Record<string, unknown>;
}

/** ARM: 50 tags, names of 512 and values of 256 characters. */
const tags = z
  .record(z.string().min(1).max(512), z.string().max(256))
  .refine((all) => Object.keys(all).length <= 50, 'must have at most 50 tags');
const location = z.string().min(1).max(64);

/** What a PUT of a type may say. Keys that are not in it are ignored, as ARM does. */
export function contentSchema(type: ResourceType): z.ZodObject {
  // What is missing as a whole is told by what is missing in it.
  return z.object({ ...topShape(type), properties: z.preprocess((value) => value ?? {}, type.properties) });
}

/** The parts beside `properties`. */
export function topShape({ top }: ResourceType): Record<string, z.ZodType> {
  return {
    ...(top.location !== 'none' && { location: top.location === 'required' ? location : location.optional() }),
    ...(top.tags && { tags: tags.optional() }),
    ...(top.sku && { sku: top.sku.optional() }),
    ...(top.identity && { identity: top.identity.optional() }),
  };
}

/** Reads the body of a PUT; what is null counts as absent. InvalidRequestContent, with all that is wrong. */
export function readPut(type: ResourceType, input: unknown): Written {
  return parseContent(type, mergePatch({}, input));
}

/** Applies the body of a PATCH, a merge patch, to what is there. The whole must be valid then. */
export function readPatch(type: ResourceType, previous: WrittenBody, input: unknown): Written {
  const { location: place, tags: labels, sku, identity, properties } = previous;
  return parseContent(type, mergePatch({ location: place, tags: labels, sku, identity, properties }, input));
}

function parseContent(type: ResourceType, content: unknown): Written {
  const parsed = contentSchema(type).safeParse(content);
  if (!parsed.success) throw invalidContent(parsed.error);
  const body = parsed.data as unknown as WrittenBody;
  const secrets: Record<string, unknown> = {};
  for (const path of type.secrets) {
    const value = valueAt(body.properties, path);
    if (value === undefined) continue;
    secrets[path] = value;
    body.properties = without(body.properties, path);
  }
  return { body, secrets };
}

/** Reads the body of an action. InvalidRequestContent. */
export function readInput<T extends z.ZodType>(schema: T, input: unknown): z.output<T> {
  const parsed = schema.safeParse(mergePatch({}, input ?? {}));
  if (!parsed.success) throw invalidContent(parsed.error);
  return parsed.data;
}

/** Throws where a write changes what stays as it was created. */
export function requireUnchanged(type: ResourceType, previous: WrittenBody, next: WrittenBody): void {
  for (const path of type.fixed) {
    const [before, after] = [previous, next].map(({ properties }) => valueAt(properties, path));
    if (Bun.deepEquals(before, after)) continue;
    throw new ManagementError(
      'PropertyChangeNotAllowed',
      `properties.${path} cannot be changed; leave it as it is, or delete the resource and create it anew`,
      { target: `properties.${path}` },
    );
  }
  if (placeOf(previous) === placeOf(next)) return;
  throw new ManagementError(
    'InvalidResourceLocation',
    `the resource exists in location ${previous.location} already; a location cannot be changed`,
    { target: 'location' },
  );
}

/** `West Europe` and `westeurope` are one place. */
function placeOf({ location: place }: WrittenBody): string | undefined {
  return place?.replaceAll(' ', '').toLowerCase();
}
