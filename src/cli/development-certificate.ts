import { webcrypto } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { hostName } from '../config/index.ts';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
const authorityDays = 825;

interface Authority {
  certificate: x509.X509Certificate;
  key: CryptoKey;
}

/**
 * Writes `ca.crt`, `ca.key`, `server.crt` and `server.key` (PEM). An authority that is there already signs again, so
 * that clients which trust it go on doing so. Returns absolute paths.
 */
export async function makeDevelopmentCertificate(
  directory: string,
  hosts: readonly string[],
  days: number,
): Promise<{ authority: string; certificate: string; key: string }> {
  if (!Number.isInteger(days) || days < 1 || days > authorityDays)
    throw new Error(`--days must be a whole number from 1 to ${authorityDays}`);
  const wrong = hosts.find((host) => isIP(host) === 0 && !hostName().safeParse(host.replace(/^\*\./, '')).success);
  if (wrong !== undefined) throw new Error(`--host ${wrong}: must be a host name or an IP address, without a port`);
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const home = resolve(directory);
  await mkdir(home, { recursive: true, mode: 0o700 });
  const paths = {
    authority: join(home, 'ca.crt'),
    authorityKey: join(home, 'ca.key'),
    certificate: join(home, 'server.crt'),
    key: join(home, 'server.key'),
  };
  const authority = (await readAuthority(paths)) ?? (await makeAuthority(paths));
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names = [...new Set(['localhost', '127.0.0.1', '::1', ...hosts])];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'CN=Bonded development',
    issuer: authority.certificate.subject,
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + days * dayMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  await writeFile(paths.certificate, `${certificate.toString('pem')}\n`);
  await writeKey(paths.key, keys.privateKey);
  return { authority: paths.authority, certificate: paths.certificate, key: paths.key };
}

async function makeAuthority(paths: { authority: string; authorityKey: string }): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Bonded development authority',
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + authorityDays * dayMs),
    signingAlgorithm: algorithm,
    keys: keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  await writeFile(paths.authority, `${certificate.toString('pem')}\n`);
  await writeKey(paths.authorityKey, keys.privateKey);
  return { certificate, key: keys.privateKey };
}

async function readAuthority(paths: { authority: string; authorityKey: string }): Promise<Authority | undefined> {
  let pem: string;
  try {
    pem = await readFile(paths.authority, 'utf8');
  } catch {
    return undefined;
  }
  const key = x509.PemConverter.decodeFirst(await readFile(paths.authorityKey, 'utf8'));
  const imported = await webcrypto.subtle.importKey('pkcs8', key, algorithm, false, ['sign']);
  return { certificate: new x509.X509Certificate(pem), key: imported };
}

async function writeKey(path: string, key: CryptoKey): Promise<void> {
  const bytes = await webcrypto.subtle.exportKey('pkcs8', key);
  await writeFile(path, `${x509.PemConverter.encode(bytes, 'PRIVATE KEY')}\n`, { mode: 0o600 });
}

function serialNumber(): string {
  // Positive and of fixed length: DER would otherwise read a leading 1 bit as a sign.
  return `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(15))).toString('hex')}`;
}
