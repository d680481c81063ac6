import { buildCommand, buildRouteMap, type Command } from '@stricli/core';
import { findImagesInput, scanningType } from '../../../scanning/index.ts';
import type { Context } from '../../context.ts';
import { describe } from '../../describe.ts';
import { print } from '../../output/index.ts';
import { requireGroup } from '../command.ts';
import { connect } from '../connect.ts';
import { commonAliases, type CommonFlags, commonFlags, registryFlag, type RegistryFlag } from '../flags.ts';

interface Found {
  next?: number;
  images: { repository: string; digest: string; tags: string[]; components: { name: string; version: string }[] }[];
}

type Flags = CommonFlags & RegistryFlag & { top: number };

const columns = {
  Repository: 'repository',
  Tags: "join(', ', tags)",
  Digest: 'digest',
  Components: "join(', ', components[].join(' ', [name, version]))",
};

function numberOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error('it is a number from 1 to 999999');
}

function searchCommand(
  by: 'component' | 'vulnerability',
  docs: { brief: string; details: string; examples: string[]; argument: string },
): Command<Context> {
  return buildCommand<Flags, [string], Context>({
    docs: { brief: docs.brief, fullDescription: describe(docs.details, docs.examples) },
    parameters: {
      flags: {
        top: { kind: 'parsed', parse: numberOf, default: '1000', placeholder: 'number', brief: 'Most images' },
        ...registryFlag,
        ...commonFlags,
      },
      aliases: { r: 'registry', ...commonAliases },
      positional: { kind: 'tuple', parameters: [{ parse: String, placeholder: by, brief: docs.argument }] },
    },
    async func(flags, asked) {
      requireGroup(flags);
      using connection = await connect(this, flags.server);
      const at = [await connection.registry(flags.registry), 'default'];
      const images: Found['images'] = [];
      for (let after: number | undefined; ;) {
        const input = findImagesInput.parse({ [by]: asked, after, top: Math.min(1000, flags.top - images.length) });
        const page = await connection.client.action(scanningType, scanningType.actions.findImages, at, input);
        const { next, images: some } = page as Found;
        images.push(...some);
        after = next;
        if (after === undefined) break;
        if (images.length >= flags.top) {
          connection.note(`There are more; --top says how many are listed.`);
          break;
        }
      }
      if (images.length === 0) connection.note('No image has it.');
      print(this, images, { output: flags.output, query: flags.query, columns });
    },
  });
}

export const searchRoutes = buildRouteMap({
  routes: {
    component: searchCommand('component', {
      brief: 'List the images that have a package',
      details:
        'Lists the images of a registry that have a package: by its name as advisories know it, or by its package URL, with a ' +
        'version or without one.',
      examples: [
        'search component openssl',
        'search component pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 -o table',
      ],
      argument: 'A name, or a package URL',
    }),
    vulnerability: searchCommand('vulnerability', {
      brief: 'List the images that have a vulnerability',
      details:
        'Lists the images of a registry that have a package against which a vulnerability is known, with those packages.',
      examples: ['search vulnerability CVE-2021-44228 -o table'],
      argument: 'A CVE, or the id of an advisory',
    }),
  },
  docs: { brief: 'Which images have a package, or a vulnerability' },
});
