import { expect, test } from 'bun:test';
import { root } from '../../commands/index.ts';
import { joinWords } from './words.ts';

const one = (...words: string[]) => words.join('\u001f');

test.each<[string, string[]]>([
  ['acr create --name a --tags x=1 y=2 --sku Basic', ['--name', 'a', '--tags', one('x=1', 'y=2'), '--sku', 'Basic']],
  ['acr create --tags x=1 --tags y=2', ['--tags', 'x=1', '--tags', 'y=2']],
  ['acr create --tags', ['--tags']],
  ['acr create --tags --name a', ['--tags', '--name', 'a']],
  ['acr create --tags x=1 y=2 -n a', ['--tags', one('x=1', 'y=2'), '-n', 'a']],
  ['acr create --tags x=1 -1 - y=2', ['--tags', one('x=1', '-1', '-', 'y=2')]],
  ['acr create --tags x=1 -- y=2', ['--tags', 'x=1', '--', 'y=2']],
  ['acr create -- --tags x=1 y=2', ['--', '--tags', 'x=1', 'y=2']],
  ['acr create --tags=x=1 y=2', ['--tags=x=1', 'y=2']],
  ['acr create --anonymous-pull-repositories a b', ['--anonymous-pull-repositories', one('a', 'b')]],
  ['acr create --anonymousPullRepositories a b', ['--anonymousPullRepositories', one('a', 'b')]],
  ['acr create --name a b', ['--name', 'a', 'b']],
  ['acr create --constructor a b', ['--constructor', 'a', 'b']],
  ['serve --set a=1 b=2', ['--set', 'a=1', 'b=2']],
])('%s', (line, wanted) => {
  const words = line.split(' ');
  const depth = words.findIndex((word) => word.startsWith('-'));
  expect(joinWords(root, words)).toEqual([...words.slice(0, depth), ...wanted]);
});

test.each(['scope-map create --repository a b', 'acr scope-map create --repository a b', 'registry update --tags a b'])(
  'a command is found by each of its names: %s',
  (line) => {
    expect(joinWords(root, line.split(' ')).at(-1)).toBe(one('a', 'b'));
  },
);

test.each(['nonsense --tags a b', '--help', '', 'acr nonsense --tags a b'])(
  'where there is no command nothing is joined: %p',
  (line) => {
    expect(joinWords(root, line.split(' '))).toEqual(line.split(' '));
  },
);
