import { buildCommand, buildRouteMap } from '@stricli/core';
import type { Context } from './context.ts';
import { describe } from './describe.ts';

const dev = buildCommand<{ directory: string; host?: readonly string[]; days: number }, [], Context>({
  docs: {
    brief: 'Make a local certificate authority and a certificate for the registry',
    fullDescription: describe(
      'Makes a certificate authority once, and a certificate for localhost and the named hosts that it signs. For ' +
        'development: everyone who trusts this authority trusts whoever holds its key.',
      ['cert dev', 'cert dev --directory ./tls --host registry.test --days 30'],
    ),
  },
  parameters: {
    flags: {
      directory: { kind: 'parsed', parse: String, brief: 'Where the PEM files go', default: './data/tls' },
      host: {
        kind: 'parsed',
        parse: String,
        brief: 'Host name or IP address beside localhost',
        variadic: true,
        optional: true,
      },
      days: { kind: 'parsed', parse: Number, brief: 'Days that the certificate is valid', default: '90' },
    },
  },
  async func(flags) {
    // First, and not beside what needs it: bundled into the binary, a module's own imports change their order.
    await import('reflect-metadata');
    const { makeDevelopmentCertificate } = await import('./development-certificate.ts');
    const files = await makeDevelopmentCertificate(flags.directory, flags.host ?? [], flags.days);
    this.write(`authority    ${files.authority}`);
    this.write(`certificate  ${files.certificate}`);
    this.write(`key          ${files.key}`);
    this.write('');
    this.write(`Serve with it:   bonded serve --set tls.certificate=${files.certificate} --set tls.key=${files.key}`);
    // A --cert-dir of skopeo or podman would take the keys beside it for those of a client.
    this.write(`Trust it:        SSL_CERT_FILE=${files.authority} for skopeo, podman, crane, oras and helm`);
    this.write(`                 curl --cacert ${files.authority}`);
  },
});

export const certRoutes = buildRouteMap({ routes: { dev }, docs: { brief: 'Certificates' } });
