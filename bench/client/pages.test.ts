import { expect, test } from 'bun:test';
import { nextOf } from './pages.ts';

test.each([
  ['</v2/a/tags/list?n=2&last=b>; rel="next"', '/v2/a/tags/list?n=2&last=b'],
  ['<http://other:5000/v2/a/tags/list?last=b>; rel="next"', '/v2/a/tags/list?last=b'],
  ['<?last=b>; rel=next', '/v2/a/tags/list?last=b'],
  ['</v2/a/tags/list>; rel="first"', undefined],
  ['', undefined],
])('%p leads to the next page', (link, next) => {
  expect(nextOf(link, '/v2/a/tags/list?n=2')).toBe(next);
});
