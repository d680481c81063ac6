import type { Difference } from './differences.ts';
import type { Lister } from './programs.ts';
import type { PartDifference } from './purl-parts.ts';

/** What is known beside the lists. */
export interface Facts {
  /** Whether Maven has an artifact, `group/artifact`, in a version. */
  isPublished(name: string, version: string): boolean;
}

/** Why lists differ: what `fits` is explained by it, and the first rule that fits is the one. */
export interface Rule {
  /** Heading of its differences in the document. */
  title: string;
  because: string;
  fits(difference: Difference, program: Lister, facts: Facts): boolean;
}

/** Why the package URLs of one package differ in a part. */
export interface PurlRule {
  because: string;
  fits(difference: PartDifference & { type: string }, program: Lister): boolean;
}

const within = (path: RegExp, { ours, theirs }: Difference): boolean =>
  [...(ours?.paths ?? []), ...(theirs?.paths ?? [])].some((one) => path.test(one));

export const rules: readonly Rule[] = [
  {
    title: 'The application itself',
    because:
      'Both list the `package.json` of an application that nothing has installed. Its name is its owner’s affair: in the public registry it may be ' +
      'somebody else’s, or the name of a malicious package, and every advisory about that would be a false one.',
    fits: (one) => one.kind === 'theirs' && one.type === 'npm' && !within(/node_modules\//, one),
  },
  {
    title: 'Parts of packages',
    because:
      'A `package.json` without a version inside of a package: an entry point, or the data of a test. npm has installed none of them, and without a ' +
      'version no advisory can be about them.',
    fits: (one, program) =>
      one.kind === 'theirs' && one.type === 'npm' && program === 'syft' && one.theirs?.version === '',
  },
  {
    title: 'Runtimes',
    because:
      'Trivy does not look for runtimes that no package manager has installed, as the one of the official Node.js images.',
    fits: (one, program) => one.kind === 'ours' && one.type === 'generic' && program === 'trivy',
  },
  {
    title: 'Packages of Python that Debian has brought',
    because:
      'Syft lists what is below `dist-packages` a second time as a package of PyPI. It belongs to a package of Debian, which is in all three lists. ' +
      'Debian mends it without raising that version, so that advisories of PyPI would be wrong about it. Trivy leaves them out, too.',
    fits: (one, program) =>
      one.kind === 'theirs' &&
      one.type === 'pypi' &&
      program === 'syft' &&
      within(/^usr\/lib\/python3\/dist-packages\//, one),
  },
  {
    title: 'Names of Python',
    because:
      'Trivy has the name as the metadata spells it, with dots. The server and Syft normalise it as PEP 503 says, which is how packages are the same, and how ' +
      'advisories are matched.',
    fits: (one, program) => one.kind === 'name' && one.type === 'pypi' && program === 'trivy',
  },
  {
    title: 'The standard library of Go',
    because:
      'The vulnerability database of Go writes its versions without a letter, `1.26.8`, and so do the server and Syft. Trivy puts a `v` in front, as modules have it.',
    fits: (one, program) => one.kind === 'version' && one.ours.name === 'stdlib' && program === 'trivy',
  },
  {
    title: 'Modules of Go that a folder replaced',
    because:
      'The module is in the program, in a version that nobody knows. Trivy leaves it out; the server and Syft list it without a version, and no policy of ' +
      'the server refuses an image for it.',
    fits: (one, program) =>
      one.kind === 'ours' && one.type === 'golang' && program === 'trivy' && one.ours?.version === '',
  },
  {
    title: 'Jars that Debian has brought',
    because:
      'Syft lists jars of packages of Debian, those of the JRE among them, a second time as artifacts of Maven. As with Python, they are Debian’s, which is what ' +
      'its advisories speak of. Trivy leaves them out, too.',
    fits: (one, program) =>
      one.kind === 'theirs' && one.type === 'maven' && program === 'syft' && within(/^usr\/(?:share|lib)\//, one),
  },
  {
    title: 'Groups of jars that say none',
    because:
      'Jars that Gradle, Ant, Bazel or sbt made have no `pom.properties`. Syft guesses their group by packages, classes and titles in the ' +
      'manifest. Trivy takes the group of the manifest where that has the artifact in any version, as `org.hibernate` had until 5. The server takes the group of ' +
      'well-known artifacts from a list. Of each of these Maven has that version in the group that the server names, and has not fetched one from the other.',
    fits: (one, _program, { isPublished }) =>
      one.kind === 'name' &&
      one.type === 'maven' &&
      isPublished(one.ours.name, one.ours.version) &&
      !isPublished(one.theirs.name, one.theirs.version),
  },
  {
    title: 'Jars of Tomcat',
    because:
      'Tomcat’s archive has its jars under other names than Maven, `catalina.jar` for `tomcat-catalina`. Syft takes names and groups, and versions of ' +
      'specifications, from the manifests; no advisory is by those. Trivy finds those whose bytes are in its index, which here has what Maven could ' +
      'fetch of them. The server has the names of Maven, and the version of Tomcat; `bootstrap.jar` is no artifact, and has no group.',
    fits: (one) => one.type === 'maven' && within(/^opt\/tomcat\/(?:bin|lib)\//, one),
  },
  {
    title: 'A second name of an application',
    because:
      'The archive says by `pom.properties` which artifact it is, which all three list. Syft adds one made of the class that starts it and the name of the file.',
    fits: (one, program) =>
      one.kind === 'theirs' && one.type === 'maven' && program === 'syft' && within(/^app\/app\.jar$/, one),
  },
  {
    title: 'Archives that say nothing',
    because:
      'Neither manifest nor name of the file say a version, nor which artifact it is. Syft lists it by its file’s name alone.',
    fits: (one, program) =>
      one.kind === 'theirs' && one.type === 'maven' && program === 'syft' && one.theirs?.version === '',
  },
];

export const purlRules: readonly PurlRule[] = [
  {
    because:
      '`VERSION_ID` of os-release is the release. The others add the point release from `debian_version`, by which no advisory is.',
    fits: ({ type, part }) => type === 'deb' && part === '?distro',
  },
  {
    because: 'Trivy has the source in properties of its own.',
    fits: ({ type, part, how }, program) =>
      type === 'deb' && part === '?upstream' && how === 'ours alone has it' && program === 'trivy',
  },
  {
    because:
      'The type deb of the specification has the epoch in the version. Trivy has it as a qualifier, as of an rpm.',
    fits: ({ type, part }, program) =>
      type === 'deb' && (part === '?epoch' || part === 'version') && program === 'trivy',
  },
];
