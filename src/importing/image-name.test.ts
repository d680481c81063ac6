import { describe, expect, test } from 'bun:test';
import { assert, property, string } from 'fast-check';
import { digestOf } from '../oci/index.ts';
import { formatImage, parseSourceImage, targetsOf } from './image-name.ts';

const digest = digestOf('x');

describe('the image of a source', () => {
  test.each([
    ['app', { repository: 'app', reference: { tag: 'latest' } }],
    ['team/app:v1', { repository: 'team/app', reference: { tag: 'v1' } }],
    [`team/app@${digest}`, { repository: 'team/app', reference: { digest } }],
    [`team/app:v1@${digest}`, { repository: 'team/app', reference: { digest } }],
  ])('%s', (text, image) => expect(parseSourceImage(text)).toEqual(image as never));

  test.each(['', ':v1', 'app:', 'App', 'a//b', 'host:5000/app', 'app@sha256:12', `@${digest}`, 'app:v1:v2'])(
    '%p is none',
    (text) => expect(() => parseSourceImage(text)).toThrow('source.sourceImage'),
  );

  test('what is read is written in one way, and no other text makes it fail otherwise', () => {
    assert(
      property(string({ maxLength: 80 }), (text) => {
        try {
          const image = parseSourceImage(text);
          expect(parseSourceImage(formatImage(image))).toEqual(image);
        } catch (error) {
          expect(error).toMatchObject({ managementCode: 'InvalidRequestContent' });
        }
      }),
    );
  });
});

test('targets are gathered by repository; a target without a tag gets that of the source', () => {
  const image = parseSourceImage('app:v1');
  expect(targetsOf(image, ['a', 'b:x', 'a:y', 'a:y'], ['c', 'b'])).toEqual([
    { repository: 'a', tags: ['v1', 'y'] },
    { repository: 'b', tags: ['x'] },
    { repository: 'c', tags: [] },
  ]);
  expect(targetsOf(parseSourceImage(`app@${digest}`), ['a'], [])).toEqual([{ repository: 'a', tags: ['latest'] }]);
  expect(() => targetsOf(image, [], [])).toThrow('targetTags');
});
