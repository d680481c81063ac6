import {
  deleteMetadata,
  describeTag,
  findMetadata,
  listMetadata,
  putMetadata,
  type Repository,
  type Subject,
  wholeRepository,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { isTag } from '../oci/index.ts';
import type { Attributes, Exchange } from './exchange.ts';
import { requireDigestOf } from './manifests.ts';
import { sourceOf } from './render.ts';
import { requireRepository } from './repositories.ts';
import { unknownTag } from './tags.ts';

/** Where metadata belongs: `reference` is '' of a repository, else a tag, or a digest or tag of a manifest. */
export interface MetadataRoute {
  name: string;
  of: Subject['kind'];
  reference: string;
}

/** Largest value (bytes). */
const largestValue = 4096;
const keyForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const mediaTypes = ['text/plain', 'application/json'];

/** `GET …/_metadata`: the keys (acr §3.2). */
export async function listKeys(attributes: Attributes, exchange: Exchange, route: MetadataRoute): Promise<Response> {
  const { repository, subject } = await requireSubject(attributes, exchange, route);
  const metadata = await listMetadata(attributes.catalog, repository, subject);
  const { kind, name } = subject;
  return Response.json({
    ...sourceOf(exchange, route.name),
    ...(kind === 'tag' && { tagName: name }),
    ...(kind === 'manifest' && { digest: name }),
    metadata,
  });
}

type KeyRoute = MetadataRoute & { key: string };

/** `GET …/_metadata/{key}`: the value, as it was put there. */
export async function getMetadata(attributes: Attributes, exchange: Exchange, route: KeyRoute): Promise<Response> {
  const key = requireKey(route.key);
  const { repository, subject } = await requireSubject(attributes, exchange, route);
  const found = await findMetadata(attributes.catalog, repository, subject, key);
  if (!found) throw unknownKey(key);
  return new Response(found.value, {
    headers: { 'Content-Type': found.mediaType, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' },
  });
}

/** `PUT …/_metadata/{key}`: text or JSON. */
export async function setMetadata(attributes: Attributes, exchange: Exchange, route: KeyRoute): Promise<Response> {
  const key = requireKey(route.key);
  const { repository, subject } = await requireSubject(attributes, exchange, route);
  const mediaType = mediaTypeOf(exchange.request.headers.get('content-type'));
  const value = valueOf(await exchange.bytes(largestValue), mediaType);
  await putMetadata(attributes.catalog, repository, subject, key, { value, mediaType });
  return new Response(null, { status: 201, headers: { 'Content-Length': '0' } });
}

/** `DELETE …/_metadata/{key}` */
export async function removeMetadata(attributes: Attributes, exchange: Exchange, route: KeyRoute): Promise<Response> {
  const key = requireKey(route.key);
  const { repository, subject } = await requireSubject(attributes, exchange, route);
  if (!(await deleteMetadata(attributes.catalog, repository, subject, key))) throw unknownKey(key);
  return new Response(null, { status: 202, headers: { 'Content-Length': '0' } });
}

async function requireSubject(
  attributes: Attributes,
  exchange: Exchange,
  { name, of, reference }: MetadataRoute,
): Promise<{ repository: Repository; subject: Subject }> {
  const repository = await requireRepository(attributes, exchange, name);
  if (of === 'repository') return { repository, subject: wholeRepository };
  if (of === 'tag') {
    if (!isTag(reference) || !(await describeTag(attributes.catalog, repository, reference)))
      throw unknownTag(reference);
    return { repository, subject: { kind: of, name: reference } };
  }
  return {
    repository,
    subject: { kind: of, name: await requireDigestOf(attributes, exchange, repository, reference) },
  };
}

function requireKey(key: string): string {
  if (keyForm.test(key)) return key;
  throw new RegistryError('BAD_REQUEST', {
    message: 'a key of metadata is up to 128 letters, digits, . _ and -, and begins with a letter or a digit',
    detail: { key: key.slice(0, 160) },
  });
}

function mediaTypeOf(header: string | null): string {
  const named = (header ?? 'text/plain').split(';', 1)[0]!.trim().toLowerCase();
  if (mediaTypes.includes(named)) return named;
  throw new RegistryError('BAD_REQUEST', {
    status: 415,
    message: `a value is ${mediaTypes.join(' or ')}, by its Content-Type`,
  });
}

/** Text that both databases hold, and JSON that is some. */
function valueOf(bytes: Uint8Array, mediaType: string): string {
  let value: string;
  try {
    value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (mediaType === 'application/json') JSON.parse(value);
  } catch {
    throw new RegistryError('BAD_REQUEST', { message: `the value is no ${mediaType} in UTF-8` });
  }
  if (!value.includes('\0')) return value;
  throw new RegistryError('BAD_REQUEST', { message: 'the value has a NUL in it' });
}

function unknownKey(key: string): RegistryError {
  return new RegistryError('NOT_FOUND', { message: 'there is no metadata of this key', detail: { key } });
}
