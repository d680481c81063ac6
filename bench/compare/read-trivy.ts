import { z } from 'zod';
import { type Listed, listedOf, withoutRepeats } from './listed.ts';

const properties = z.array(z.object({ name: z.string(), value: z.string() })).default([]);
const report = z.object({
  components: z.array(z.object({ name: z.string(), purl: z.string().optional(), properties })).default([]),
});

const prefix = 'aquasecurity:trivy:';

/** Packages of `trivy image --format cyclonedx`. Applications (a lockfile, a program) are components without a package URL. */
export function readTrivy(text: string): Listed[] {
  const listed = report.parse(JSON.parse(text)).components.flatMap(({ purl, properties: all }) => {
    if (purl === undefined) return [];
    const said = new Map(all.map(({ name, value }) => [name.replace(prefix, ''), value]));
    const path = said.get('FilePath');
    const source = purl.startsWith('pkg:deb/') ? sourceOf(said) : undefined;
    return listedOf(purl, { paths: path === undefined ? [] : [path], ...(source && { source }) }) ?? [];
  });
  return withoutRepeats(listed);
}

/** Its parts apart, as Trivy matches by them. */
function sourceOf(said: ReadonlyMap<string, string>): { name: string; version: string } {
  const epoch = said.get('SrcEpoch');
  const release = said.get('SrcRelease');
  const version = said.get('SrcVersion') ?? '';
  return {
    name: said.get('SrcName') ?? '',
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}${release === undefined ? '' : `-${release}`}`,
  };
}
