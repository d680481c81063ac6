import { artifactOfFile, knownGroup } from './known-groups.ts';

/** What Maven calls an artifact. `group` is missing where nothing says it. */
export interface Coordinates {
  group?: string;
  artifact: string;
  version: string;
}

const groupLike = /^[a-zA-Z][\w-]*(?:\.[\w-]+)+$/;
const artifactLike = /^[\w.-]{1,128}$/;

/** Of a file `artifact-version.jar`; the version is missing where the name has none. */
export function coordinatesOfFile(path: string): { artifact: string; version?: string } {
  const base = path
    .slice(path.lastIndexOf('/') + 1)
    .slice(-255)
    .replace(/\.[a-z]+$/i, '');
  // 1.0-20230101.123456-1 (a snapshot), 1.0-alpha-9, 1.5.6-4 (of something that was packed again), and what is left: 2.17.1,
  // 33.0.0-jre.
  const match =
    /^(.+?)-(\d[\w.]*-\d{8}\.\d{6}-\d+)$/.exec(base) ??
    /^(.+?)-(\d+(?:\.\w+)*-(?:alpha|beta|rc|cr|m|sp|ea|pre)[.-]?\d+[\w.-]*)$/i.exec(base) ??
    /^(.+?)-(\d+(?:\.\d+){2,}-\d{1,3})$/.exec(base) ??
    /^(.+)-(\d[\w.+-]*)$/.exec(base);
  return match ? { artifact: match[1]!, version: match[2]! } : { artifact: base };
}

/** Of `META-INF/maven/GROUP/ARTIFACT/pom.properties`; none where it does not say all three. */
export function coordinatesOfProperties(properties: ReadonlyMap<string, string>): Coordinates[] {
  const [group, artifact, version] = ['groupId', 'artifactId', 'version'].map((key) => properties.get(key));
  return group && artifact && version ? [{ group, artifact, version }] : [];
}

/**
 * Of a jar without `pom.properties`. The file's name is what Maven gave it, so that its version goes before that of the
 * manifest, which OSGi writes in another way (`1.0.0.RC1`).
 */
export function coordinatesOfManifest(manifest: ReadonlyMap<string, string>, path: string): Coordinates | undefined {
  const file = coordinatesOfFile(path);
  const said = (key: string) => manifest.get(key)?.split(';')[0]?.trim() || undefined;
  const version =
    versionOfBundle(file.artifact, said) ?? file.version ?? said('implementation-version') ?? said('bundle-version');
  if (version === undefined || !/\d/.test(version)) return undefined;
  const title = said('implementation-title');
  const symbolic = said('bundle-symbolicname');
  const fileArtifact = artifactOfFile(file.artifact);
  const artifact =
    file.version !== undefined || fileArtifact !== file.artifact || knownGroup(fileArtifact, version)
      ? fileArtifact
      : (artifactOf(title) ?? lastPart(symbolic) ?? fileArtifact);
  const group = groupOf({ artifact, version }, symbolic, said('implementation-vendor-id'));
  return { ...(group === undefined ? {} : { group }), artifact, version };
}

/** Tomcat's archive names the compiler of Eclipse after the release of Eclipse, `ecj-4.20.jar`; as an artifact it is 3.26.0. */
function versionOfBundle(artifact: string, said: (key: string) => string | undefined): string | undefined {
  return artifact === 'ecj' ? /^\d+\.\d+\.\d+/.exec(said('bundle-version') ?? '')?.[0] : undefined;
}

/** A title for people, `Apache Tomcat`, is none. */
function artifactOf(title: string | undefined): string | undefined {
  if (title === undefined || !artifactLike.test(title)) return undefined;
  // Some write group and artifact: `org.apache.logging.log4j#log4j-core`, and some the name of a package.
  return groupLike.test(title) && !title.includes('-') ? undefined : title;
}

function lastPart(symbolic: string | undefined): string | undefined {
  const last = symbolic?.slice(symbolic.lastIndexOf('.') + 1);
  return last && artifactLike.test(last) ? last : undefined;
}

function groupOf(
  { artifact, version }: Coordinates,
  symbolic: string | undefined,
  vendorId: string | undefined,
): string | undefined {
  const known = knownGroup(artifact, version);
  if (known !== undefined) return known;
  if (symbolic?.endsWith(`.${artifact}`)) return symbolic.slice(0, -artifact.length - 1);
  if (vendorId !== undefined && groupLike.test(vendorId)) return vendorId;
  if (symbolic === undefined || !groupLike.test(symbolic)) return undefined;
  return symbolic.slice(0, symbolic.lastIndexOf('.'));
}
