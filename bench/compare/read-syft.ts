import { z } from 'zod';
import { type Listed, listedOf, withoutRepeats } from './listed.ts';

const report = z.object({
  artifacts: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      purl: z.string(),
      locations: z.array(z.object({ path: z.string() })),
      metadata: z.unknown(),
    }),
  ),
});
const dpkgMetadata = z.object({
  package: z.string(),
  source: z.string().optional(),
  sourceVersion: z.string().optional(),
});

/** Packages of `syft -o syft-json`. */
export function readSyft(text: string): Listed[] {
  const listed = report.parse(JSON.parse(text)).artifacts.flatMap(({ name, version, purl, locations, metadata }) => {
    const dpkg = purl.startsWith('pkg:deb/') ? dpkgMetadata.safeParse(metadata).data : undefined;
    const source = dpkg && { name: dpkg.source || name, version: dpkg.sourceVersion || version };
    return (
      listedOf(purl, { paths: locations.map(({ path }) => path.replace(/^\//, '')), ...(source && { source }) }) ?? []
    );
  });
  return withoutRepeats(listed);
}
