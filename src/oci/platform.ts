import { jsonShape, maxJsonDepth, maxJsonKeys } from './json-bounds.ts';

/** What an image runs on (image-spec image-index.md, config.md). Undefined where it does not say. */
export interface Platform {
  architecture?: string;
  os?: string;
}

/** Longest name of an architecture or an operating system that is passed on. */
const longest = 64;

/** The platform of an image by its config. What cannot be read says nothing. */
export function platformOfConfig(bytes: Uint8Array): Platform {
  return platformIn(read(bytes));
}

/** The platforms that an index gives for what it lists, by digest. */
export function platformsOf(index: Uint8Array): Map<string, Platform> {
  const found = new Map<string, Platform>();
  const manifests = field(read(index), 'manifests');
  if (!Array.isArray(manifests)) return found;
  for (const descriptor of manifests as unknown[]) {
    const digest = field(descriptor, 'digest');
    if (typeof digest === 'string') found.set(digest, platformIn(field(descriptor, 'platform')));
  }
  return found;
}

function platformIn(value: unknown): Platform {
  const [architecture, os] = [word(field(value, 'architecture')), word(field(value, 'os'))];
  return { ...(architecture !== undefined && { architecture }), ...(os !== undefined && { os }) };
}

function word(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= longest ? value : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** JSON that anybody may have written, within the bounds of a manifest. */
function read(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const { depth, keys } = jsonShape(text);
    return depth > maxJsonDepth || keys > maxJsonKeys ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
