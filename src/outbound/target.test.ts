import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { OutboundError } from './outbound-error.ts';
import { redirectOf, targetOf } from './target.ts';

test.each([
  ['https://Issuer.Example/keys?a=b#c', 'issuer.example', 443, 'https://issuer.example/keys?a=b'],
  ['http://issuer.example:8080', 'issuer.example', 8080, 'http://issuer.example:8080/'],
  ['https://192.0.2.1/', '192.0.2.1', 443, 'https://192.0.2.1/'],
  ['https://[2001:db8::1]:8443/', '2001:db8::1', 8443, 'https://[2001:db8::1]:8443/'],
  ['https://xn--bcher-kva.example/', 'xn--bcher-kva.example', 443, 'https://xn--bcher-kva.example/'],
])('%s is called', (text, host, port, href) => {
  const target = targetOf(text);
  expect([target.host, target.port, target.url.href]).toEqual([host, port, href]);
});

test.each([
  'https://0x7f.1/',
  'https://0x7f000001/',
  'https://017700000001/',
  'https://2130706433/',
  'https://127.1/',
  'https://127.0.0.01/',
  'https://127.0.0.1./',
  'https://issuer.example./',
  'https://１２７.0.0.1/',
  'https://127。0.0.1/',
  'https://bücher.example/',
  'https://%31%32%37.0.0.1/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::1%25eth0]/',
  'https://user:secret@issuer.example/',
  'https://public.example@127.0.0.1/',
  'https://issuer.example\\@127.0.0.1/',
  'https://issuer.example /',
  ' https://issuer.example/',
  'ht\ntps://issuer.example/',
  'https:issuer.example',
  'https:/issuer.example/',
  'https:///issuer.example/',
  'https://issuer.example:0/',
  'https://issuer.example:99999/',
  'ftp://issuer.example/',
  'file:///etc/passwd',
  'javascript:alert(1)',
  '//issuer.example/',
  '',
  `https://issuer.example/${'a'.repeat(9000)}`,
])('%p is not', (text) => {
  expect(reasonOf(() => targetOf(text))).toBe('bad_url');
});

const from = targetOf('https://issuer.example/a/b?c');

test.each([
  ['/d', 'https://issuer.example/d'],
  ['d', 'https://issuer.example/a/d'],
  ['?e', 'https://issuer.example/a/b?e'],
  ['//other.example/d', 'https://other.example/d'],
  ['https://other.example/d', 'https://other.example/d'],
])('a redirect to %s leads to %s', (location, href) => {
  expect(redirectOf(from, location).url.href).toBe(href);
});

test.each(['https:d', '/\\other.example', '\\\\other.example', '//127.1/', 'gopher://x/', '/a b', 'https://a@b/'])(
  'a redirect to %p leads nowhere',
  (location) => {
    expect(reasonOf(() => redirectOf(from, location))).toBe('bad_url');
  },
);

function reasonOf(act: () => unknown): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return (error as OutboundError).reason;
  }
}

test('whatever the text, it is refused or leads to the host that it shows', () => {
  const part = fc.constantFrom(
    'https://',
    'http://',
    '//',
    '@',
    ':',
    '[',
    ']',
    '127.0.0.1',
    '0x7f',
    '.',
    '1',
    'a.test',
    '/',
    '\\',
    '%31',
    '#',
    '?',
    '。',
    '１',
  );
  const text = fc.oneof(
    fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.string().map((rest) => `https://${rest}`),
  );
  const property = fc.property(text, (url) => {
    let target;
    try {
      target = targetOf(url);
    } catch (error) {
      expect((error as OutboundError).reason).toBe('bad_url');
      return;
    }
    const shown = url.slice(url.indexOf('//') + 2).toLowerCase();
    expect(shown.startsWith(target.host) || shown.startsWith(`[${target.host}]`)).toBe(true);
    expect(target.url.username + target.url.password + target.url.hash).toBe('');
  });
  fc.assert(property, { numRuns: Number(process.env.BONDED_TEST_RUNS ?? 2_000) });
});
