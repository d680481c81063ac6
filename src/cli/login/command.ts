import { buildCommand } from '@stricli/core';
import type { Context } from '../context.ts';
import { type LoginFlags, methods } from './flags.ts';
import { describe } from '../describe.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;
const off = { kind: 'boolean', default: false } as const;

const host = {
  kind: 'tuple',
  parameters: [
    {
      parse: String,
      brief: 'Registry (default $BONDED_SERVER, else 127.0.0.1:5000)',
      placeholder: 'host',
      optional: true,
    },
  ],
} as const;

export const login = buildCommand<LoginFlags, [string?], Context>({
  docs: {
    brief: 'Log in to a registry, for this program and for other clients',
    fullDescription: describe(
      'Proves to the registry who you are, without a password: as the operator on the machine of the server, by the token ' +
        'that a platform gives to what runs on it (Kubernetes, GitHub Actions, GitLab CI, Azure, AWS, Google), or at your ' +
        'identity provider by a browser or a device code. Then docker, podman, skopeo, crane, oras and helm are logged in, too: ' +
        'by docker-credential-bonded, which asks anew each time, or by a token that lasts for three hours.',
      [
        'login',
        'login registry.example.com',
        'login registry.example.com --issuer https://login.example.com --client-id CLIENT_ID',
      ],
    ),
  },
  parameters: {
    positional: host,
    flags: {
      method: { kind: 'enum', values: methods, default: 'auto', brief: 'How to prove who you are' },
      printToken: {
        ...off,
        brief: 'Only print a refresh token, for: docker login -u 00000000-0000-0000-0000-000000000000',
      },
      exposeToken: { ...off, brief: 'Only print the token as JSON, as az acr login does' },
      plainHttp: { ...off, brief: 'Speak plain http although the registry is not on this machine' },
      ca: {
        ...text,
        brief: 'PEM file of the authority of its certificate (default $SSL_CERT_FILE)',
        placeholder: 'file',
      },
      data: { ...text, brief: 'Data directory of the server, for its operator (default ./data)', placeholder: 'dir' },
      tokenFile: {
        ...text,
        brief: 'File with a token of your platform (default $BONDED_TOKEN_FILE)',
        placeholder: 'file',
      },
      audience: { ...text, brief: 'Audience of the token that is asked for (default bonded)', placeholder: 'name' },
      issuer: { ...text, brief: 'URL of your identity provider (default $BONDED_LOGIN_ISSUER)', placeholder: 'url' },
      clientId: { ...text, brief: 'Id of this client, or of an identity of Azure, at it', placeholder: 'id' },
      tenantId: { ...text, brief: 'Tenant of Microsoft Entra (default $AZURE_TENANT_ID)', placeholder: 'id' },
      scope: { ...text, brief: 'Scopes to ask for (default openid profile email)', placeholder: 'words' },
    },
  },
  async func(flags, typed) {
    const { logIn } = await import('./log-in.ts');
    await logIn(this, flags, typed);
  },
});

export const logout = buildCommand<object, [string?], Context>({
  docs: {
    brief: 'Undo a login: no client of this user is logged in to the registry any more',
    fullDescription: describe(
      'Forgets the login to a registry, for this program and for the clients that it has logged in. Passwords that others have ' +
        'stored stay.',
      ['logout', 'logout registry.example.com'],
    ),
  },
  parameters: { positional: host },
  async func(_, typed) {
    const { logOut } = await import('./log-out.ts');
    await logOut(this, typed);
  },
});
