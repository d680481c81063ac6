/** The ways to prove who one is. */
export const methods = [
  'auto',
  'operator',
  'kubernetes',
  'github',
  'gitlab',
  'azure',
  'aws',
  'google',
  'device',
  'browser',
  'token-stdin',
] as const;

export interface LoginFlags {
  method: (typeof methods)[number];
  printToken: boolean;
  exposeToken: boolean;
  plainHttp: boolean;
  ca?: string;
  data?: string;
  tokenFile?: string;
  audience?: string;
  issuer?: string;
  clientId?: string;
  tenantId?: string;
  scope?: string;
}
