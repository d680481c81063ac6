import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface TlsFiles {
  /** PEM, the server's own certificate first. */
  certificate: string;
  /** PEM, without a passphrase. */
  key: string;
}

/** What `Bun.serve` takes. Throws an Error that names the setting: what TLS itself says of bad files helps nobody. */
export function loadTls(files: TlsFiles): { cert: string; key: string; expires: Date } {
  const cert = read('tls.certificate', files.certificate);
  const key = read('tls.key', files.key);
  const certificate = parsed(
    () => new X509Certificate(cert),
    `tls.certificate: ${files.certificate} holds no certificate in PEM form`,
  );
  const privateKey = parsed(
    () => createPrivateKey(key),
    `tls.key: ${files.key} holds no private key in PEM form without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(
      `tls.key: ${files.key} does not belong to the certificate in ${files.certificate}; ` +
        'of several there, the one of this server must come first',
    );
  }
  return { cert, key, expires: new Date(certificate.validTo) };
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${setting}: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
}

function parsed<T>(parse: () => T, message: string): T {
  try {
    return parse();
  } catch (cause) {
    throw new Error(message, { cause });
  }
}
