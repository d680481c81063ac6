import type { Digest } from '../oci/index.ts';
import {
  advisoryName,
  type Component,
  distributionOf,
  languageEcosystem,
  type OsRelease,
  type PackageUrl,
  purlOf,
} from '../packages/index.ts';
import type { FoundPackage, PackageType } from './reader.ts';

/** A package of an image: what advisories call it, and where it came from. */
export interface ImageComponent extends Component {
  purl: string;
  /** As installed: the binary package of a distribution, with its namespace in front where it has one. */
  installedName: string;
  installedVersion: string;
  type: PackageType;
  /** Of the file that says so; what is nested in it stands behind `!/`. */
  path: string;
  /** The one in which it came, in this version. */
  layer: Digest;
  /** From 0, the lowest. */
  layerIndex: number;
  licenses?: string[];
}

/** Where a package is said to be. */
export interface Place {
  path: string;
  layer: Digest;
  layerIndex: number;
}

const systemTypes: ReadonlySet<PackageType> = new Set(['deb', 'apk', 'rpm']);

export function isSystemType(type: PackageType): boolean {
  return systemTypes.has(type);
}

/** Those whose advisories name what is installed, and not what it was built from (their OSV records). */
const namedAsInstalled = new Set(['Red Hat', 'AlmaLinux', 'Oracle Linux', 'Amazon Linux']);

export function imageComponent(found: FoundPackage, os: OsRelease | undefined, place: Place): ImageComponent {
  const { type, name, namespace, version, location, licenses } = found;
  const advised = isSystemType(type) ? systemComponent(found, os) : languageComponent(found);
  return {
    ...advised,
    purl: purlOf(isSystemType(type) ? systemPurl(found, os) : languagePurl(found)),
    installedName: namespace === undefined ? name : `${namespace}${type === 'maven' ? ':' : '/'}${name}`,
    installedVersion: version,
    type,
    path: location === undefined ? place.path : `${place.path}!/${location}`,
    layer: place.layer,
    layerIndex: place.layerIndex,
    ...(licenses && { licenses }),
  };
}

/** Without a distribution that is known it belongs to no ecosystem, and nothing can be said of it. */
function systemComponent({ name, version, source }: FoundPackage, os: OsRelease | undefined): Component {
  const distribution = (os && distributionOf(os)) ?? { ecosystem: '', release: '' };
  const advised = source && !namedAsInstalled.has(distribution.ecosystem) ? source : { name, version };
  return { ...distribution, name: advised.name, version: advised.version };
}

function languageComponent({ type, namespace, name, version }: FoundPackage): Component {
  const ecosystem = languageEcosystem(type) ?? '';
  return { ecosystem, release: '', name: advisoryName(ecosystem, namespace, name), version };
}

/** purl-types: deb, apk, rpm. The epoch of an rpm is a qualifier. */
function systemPurl(
  { type, name, version, arch, source, qualifiers }: FoundPackage,
  os: OsRelease | undefined,
): PackageUrl {
  const colon = type === 'rpm' ? version.indexOf(':') : -1;
  return {
    type,
    ...(os && { namespace: os.id }),
    name,
    version: version.slice(colon + 1),
    qualifiers: {
      ...qualifiers,
      ...(arch !== undefined && { arch }),
      ...(colon > 0 && { epoch: version.slice(0, colon) }),
      ...(os && { distro: `${os.id}${os.versionId === undefined ? '' : `-${os.versionId}`}` }),
      ...(source && upstream(source, name, version)),
    },
  };
}

function upstream(source: { name: string; version: string }, name: string, version: string): Record<string, string> {
  if (source.version !== version && source.version !== '') return { upstream: `${source.name}@${source.version}` };
  return source.name === name ? {} : { upstream: source.name };
}

function languagePurl({ type, namespace, name, version, qualifiers }: FoundPackage): PackageUrl {
  // A module's path is one name to Go, and segments to a package URL.
  const slash = type === 'golang' && namespace === undefined ? name.lastIndexOf('/') : -1;
  const space = slash < 0 ? namespace : name.slice(0, slash);
  return {
    type,
    ...(space !== undefined && { namespace: space }),
    name: name.slice(slash + 1),
    version,
    ...(qualifiers && { qualifiers }),
  };
}
