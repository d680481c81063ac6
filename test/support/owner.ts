import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signerOf, signJws } from '../../src/keys/index.ts';

/*
 * The first owner of servers without a data directory: whoever an issuer vouches for that is nowhere but in two files,
 *
 *   key.jwk      with which tests sign its tokens
 *   jwks.json    which the servers are configured with
 */

const variable = 'BONDED_TEST_OWNER';
const issuer = 'https://owner.test';
const subject = 'owner';
const audience = 'bonded';
const kid = 'owner';

let made: string | undefined;

/** The directory of the two files, made where there is none yet. Child processes that inherit it use the same. */
export function ownerDirectory(): string {
  made ??= process.env[variable];
  if (made !== undefined) return made;
  const directory = mkdtempSync(join(tmpdir(), 'bonded-owner-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(directory, 'key.jwk'), JSON.stringify(privateKey.export({ format: 'jwk' })), { mode: 0o600 });
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }];
  writeFileSync(join(directory, 'jwks.json'), JSON.stringify({ keys }));
  return (made = directory);
}

/** For a child process, so that it knows the same owner. */
export const inheritedOwner = (): Record<string, string> => (made === undefined ? {} : { [variable]: made });

/** What a server needs in order to know the owner. */
export function ownerSettings(): Record<string, string> {
  return {
    'bootstrap.owner.issuer': issuer,
    'bootstrap.owner.subject': subject,
    'bootstrap.owner.audience': audience,
    'bootstrap.owner.jwks': join(ownerDirectory(), 'jwks.json'),
  };
}

/** A token of the owner, from one of these directories. */
export function signOwnerToken(directory: string, ttlMs: number): string {
  const jwk = JSON.parse(readFileSync(join(directory, 'key.jwk'), 'utf8')) as Record<string, string>;
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: subject,
    aud: audience,
    iat,
    nbf: iat,
    exp: iat + ttlMs / 1000,
    jti: randomUUID(),
  };
  return signJws(signerOf(kid, createPrivateKey({ key: jwk, format: 'jwk' })), claims);
}
