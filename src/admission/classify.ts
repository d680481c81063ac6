import { isRunnable, type ManifestReference, mediaTypes, type ParsedManifest } from '../oci/index.ts';
import type { ArtifactKind } from './artifact-kind.ts';

/*
 * What is exempt from every gate must be nothing that could run (supply §13.1): an image that looks like a signature would be
 * pulled past all policies. So all of these hold, or it is what it would be otherwise: few layers, each of a type that only
 * signatures have and no larger than one; a config that is empty or of a type that belongs to it; and, where a manifest says so
 * by its tag alone, that tag. Whoever reads the layers also sees that they are JSON (see `isText`).
 */

const mib = 1024 * 1024;
const mostLayers = 64;
const signatureBytes = mib;
const attestationBytes = 64 * mib;

interface Form {
  /** By what it is recognised beside its layers. */
  fits(manifest: ParsedManifest, config: string | undefined, tags: readonly string[]): boolean;
  layer: RegExp;
  mostBytes: number;
  mostLayers: number;
}

const digestTag = (suffix: string) => new RegExp(`^sha256-[0-9a-f]{64}\\.${suffix}$`);
const has = (tags: readonly string[], form: RegExp) => tags.some((tag) => form.test(tag));
const notation = 'application/vnd.cncf.notary.signature';
const cosignExperimental = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const simpleSigning = /^application\/vnd\.dev\.cosign\.simplesigning\.v1\+json$/;

const forms: readonly Form[] = [
  {
    fits: ({ subject, artifactType }, config) =>
      subject !== undefined && (config === notation || (artifactType === notation && config === mediaTypes.ociEmpty)),
    layer: /^application\/(?:jose\+json|cose)$/,
    mostBytes: signatureBytes,
    mostLayers: 1,
  },
  {
    fits: ({ subject, artifactType }, config) =>
      subject !== undefined &&
      artifactType?.startsWith('application/vnd.dev.sigstore.bundle') === true &&
      config === mediaTypes.ociEmpty,
    layer: /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.3\+json|\+json;version=0\.[123])$/,
    mostBytes: attestationBytes,
    mostLayers: 1,
  },
  {
    fits: (_, config, tags) => config === mediaTypes.ociConfig && has(tags, digestTag('sig')),
    layer: simpleSigning,
    mostBytes: signatureBytes,
    mostLayers,
  },
  {
    fits: ({ subject, artifactType }, config) =>
      subject !== undefined &&
      (config === cosignExperimental || (artifactType === cosignExperimental && config === mediaTypes.ociEmpty)),
    layer: simpleSigning,
    mostBytes: signatureBytes,
    mostLayers,
  },
  {
    fits: (_, config, tags) => config === mediaTypes.ociConfig && has(tags, digestTag('att')),
    layer: /^application\/vnd\.dsse\.envelope\.v1\+json$/,
    mostBytes: attestationBytes,
    mostLayers,
  },
  {
    fits: (_, config, tags) => config === mediaTypes.ociConfig && has(tags, digestTag('sbom')),
    layer: /^(?:spdx\+json|text\/spdx\+json|application\/(?:vnd\.cyclonedx|spdx)\+json)$/,
    mostBytes: attestationBytes,
    mostLayers: 1,
  },
  {
    // An SBOM or a document about vulnerabilities as a referrer.
    fits: ({ subject, artifactType }, config) =>
      subject !== undefined && config === mediaTypes.ociEmpty && statement.test(artifactType ?? ''),
    layer:
      /^application\/(?:vnd\.cyclonedx\+json|spdx\+json|vnd\.in-toto\+json|openvex\+json|sarif\+json|vnd\.dsse\.envelope\.v1\+json)$/,
    mostBytes: attestationBytes,
    mostLayers,
  },
];

const statement =
  /^application\/(?:vnd\.cyclonedx\+json|spdx\+json|vnd\.in-toto\+json|openvex\+json|sarif\+json|vnd\.dsse\.envelope\.v1\+json)$/;

/** What BuildKit keeps beside the images of an index; an index has to say so, too. */
const buildKit: Form = {
  fits: (_, config) => config === mediaTypes.ociConfig || config === mediaTypes.ociEmpty,
  layer: /^application\/vnd\.in-toto\+json$/,
  mostBytes: attestationBytes,
  mostLayers,
};

/** What a manifest says of itself is no proof: `layers` are to be read before it is exempt. */
export interface Classified {
  kind: ArtifactKind;
  /** Of a supply-chain artifact: what has to be text. */
  layers: readonly ManifestReference[];
}

/**
 * What a manifest is. `tags`: those that name it in its repository. `isAttestation`: whether an index of the repository
 * lists it as one of BuildKit's.
 */
export function classify(manifest: ParsedManifest, tags: readonly string[], isAttestation: boolean): Classified {
  const { kind, references } = manifest;
  if (kind === 'index') return { kind: 'index', layers: [] };
  const config = references.find(({ role }) => role === 'config')?.mediaType;
  const layers = references.filter(({ role }) => role !== 'config');
  const fitting = [...forms, ...(isAttestation ? [buildKit] : [])].find((form) => {
    return (
      layers.length > 0 &&
      layers.length <= form.mostLayers &&
      layers.every(({ mediaType, size }) => form.layer.test(mediaType) && size <= form.mostBytes) &&
      form.fits(manifest, config, tags)
    );
  });
  if (fitting && kind === 'image') return { kind: 'supply-chain', layers };
  return { kind: isRunnable(config, layers) ? 'image' : 'other', layers: [] };
}

const longestRead = 4 * mib;

/**
 * Whether a blob is a document of text, as JSON is, and no archive that calls itself one. The whole of it is looked at: an
 * archive has zeros in it, and packed content is no UTF-8. Small ones have to be JSON.
 */
export async function isText(bytes: ReadableStream<Uint8Array>, size: number): Promise<boolean> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let begun = false;
  try {
    for await (const chunk of bytes) {
      if (chunk.includes(0)) return false;
      const part = decoder.decode(chunk, { stream: true });
      if (!begun && part.trimStart() !== '') {
        begun = true;
        if (!/^[{[]/.test(part.trimStart())) return false;
      }
      if (size <= longestRead) text += part;
    }
    decoder.decode();
    if (size <= longestRead) JSON.parse(text);
    return begun;
  } catch {
    return false;
  }
}

/** Whether a blob begins as a signature of COSE does (RFC 9052, COSE_Sign1): it is no text. */
export async function isCose(bytes: ReadableStream<Uint8Array>): Promise<boolean> {
  for await (const chunk of bytes) return chunk[0] === 0xd2 && chunk[1] === 0x84;
  return false;
}

interface Listed {
  digest?: unknown;
  platform?: { os?: unknown; architecture?: unknown };
  annotations?: Record<string, unknown>;
}

/** What an index says are attestations of BuildKit, and nothing else: a digest that it lists as an image, too, is one. */
export function attestationsOf(index: Uint8Array): Set<string> {
  const { manifests = [] } = JSON.parse(new TextDecoder().decode(index)) as { manifests?: Listed[] };
  const attestations = new Set<string>();
  const others = new Set<string>();
  for (const { digest, platform, annotations } of manifests) {
    const isUnknown = platform?.os === 'unknown' && platform.architecture === 'unknown';
    const is = isUnknown && annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
    (is ? attestations : others).add(String(digest));
  }
  return attestations.difference(others);
}
