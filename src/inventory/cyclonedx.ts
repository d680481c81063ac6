import type { Digest } from '../oci/index.ts';
import { purlOf } from '../packages/index.ts';
import type { ImageComponent } from './image-component.ts';
import type { ImageInventory } from './merge-layers.ts';

export const cycloneDxMediaType = 'application/vnd.cyclonedx+json';

/**
 * The inventory as CycloneDX 1.6 (ECMA-424), in JSON. The same inventory gives the same bytes: all is in order, and there is
 * neither a time nor a serial number. A package that is at several places is one component with as many occurrences.
 */
export function toCycloneDx(image: ImageInventory, subject: { repository?: string; digest: Digest }): string {
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      tools: { components: [{ type: 'application', name: 'bonded' }] },
      component: subjectOf(subject),
      properties: propertiesOf(image),
    },
    components: [...operatingSystemOf(image), ...packagesOf(image.components)],
  };
  return `${JSON.stringify(document, (_key, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value), 1)}\n`;
}

function subjectOf({ repository, digest }: { repository?: string; digest: Digest }) {
  const name = repository?.slice(repository.lastIndexOf('/') + 1) ?? digest;
  const purl = repository === undefined ? {} : { purl: purlOf({ type: 'oci', name, version: digest }) };
  return { type: 'container', 'bom-ref': digest, name: repository ?? digest, version: digest, ...purl };
}

function propertiesOf({ partial, warnings }: ImageInventory) {
  const said = warnings.map(({ code, layer, path, detail }) => ({
    name: `bonded:warning:${code}`,
    value: JSON.stringify({ layer, path, detail }),
  }));
  return [{ name: 'bonded:partial', value: `${partial}` }, ...said];
}

function operatingSystemOf({ os }: ImageInventory) {
  if (!os) return [];
  return [
    {
      type: 'operating-system',
      'bom-ref': `os:${os.id}${os.versionId === undefined ? '' : `@${os.versionId}`}`,
      name: os.id,
      ...(os.versionId !== undefined && { version: os.versionId }),
      ...(os.prettyName !== undefined && { description: os.prettyName }),
      ...(os.cpeName !== undefined && isCpe(os.cpeName) && { cpe: os.cpeName }),
    },
  ];
}

/** The standard has a pattern of which this is the outer form; anything else would make the whole document invalid. */
function isCpe(name: string): boolean {
  return /^cpe:(?:2\.3:|\/)[aho](?::[\w.~%-]*){1,10}$/.test(name);
}

function packagesOf(components: readonly ImageComponent[]) {
  const byPurl = Map.groupBy(components, ({ purl }) => purl);
  return [...byPurl.values()].map((same) => {
    const [first] = same as [ImageComponent];
    const licenses = [...new Set(same.flatMap((one) => one.licenses ?? []))].toSorted();
    return {
      type: 'library',
      'bom-ref': first.purl,
      name: first.installedName,
      ...(first.installedVersion !== '' && { version: first.installedVersion }),
      ...(licenses.length > 0 && { licenses: licenses.map((name) => ({ license: { name } })) }),
      purl: first.purl,
      evidence: { occurrences: same.map(({ path, layer }) => ({ location: path, additionalContext: layer })) },
    };
  });
}
