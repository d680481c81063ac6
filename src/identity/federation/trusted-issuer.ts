import { createHash } from 'node:crypto';
import { z } from 'zod';
import { presetNames } from './presets/index.ts';

/** Asymmetric ones (RFC 7518, 3.1; RFC 8037; RFC 9864). A secret that we share with an issuer would be one that we store. */
export const signatureAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

export type SignatureAlgorithm = (typeof signatureAlgorithms)[number];

/** Most bytes of a pinned key set, and of one that is fetched. */
export const maxKeySetBytes = 1_048_576;

const daySeconds = 86_400;

const printable = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^\P{Cc}+$/u, 'must not contain control characters');

const address = z
  .string()
  .max(2048)
  .regex(/^https?:\/\/[^\s@#]+$/, 'must be an https URL without user information and fragment');

const claimName = printable(256).describe('A claim, or the JSON pointer (RFC 6901) of one inside another.');

/** A trusted issuer as an operator writes it; where its keys come from is one of four ways. */
export const trustedIssuerProperties = z
  .object({
    issuer: printable(512).describe('Exactly what tokens have as `iss`, a final slash included.'),
    preset: z.enum(presetNames).default('oidc').describe('What its tokens look like.'),
    discovery: address
      .optional()
      .describe('URL of the discovery document where it is not below `issuer`. It must name `issuer` all the same.'),
    jwksUri: address.optional().describe('URL of the keys, for issuers without a discovery document.'),
    jwks: z
      .strictObject({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(100) })
      .refine((jwks) => JSON.stringify(jwks).length <= maxKeySetBytes, { message: 'must have 1 MiB at most' })
      .optional()
      .describe('The keys themselves (RFC 7517), for issuers that cannot be reached.'),
    audiences: z.array(printable(512)).min(1).max(50).describe('A token must have one of these as `aud`.'),
    clockSkewSeconds: z.int().min(0).max(300).default(60),
    algorithms: z
      .array(z.enum(signatureAlgorithms))
      .min(1)
      .default([...signatureAlgorithms]),
    maxTokenLifetimeSeconds: z
      .int()
      .min(60)
      .max(366 * daySeconds)
      .default(daySeconds)
      .describe('Tokens that were made to be valid for longer are refused: they are passwords.'),
    subjectClaim: claimName.optional(),
    groupsClaim: claimName.optional(),
    enabled: z.boolean().default(true),
  })
  .superRefine(({ issuer, discovery, jwksUri, jwks }, context) => {
    const ways = [discovery, jwksUri, jwks].filter((way) => way !== undefined).length;
    if (ways > 1) {
      context.addIssue({ code: 'custom', path: ['jwks'], message: 'give one of discovery, jwksUri and jwks' });
    }
    if (ways === 0 && !address.safeParse(issuer).success) {
      const message = 'must be an https URL, or its keys must be given by discovery, jwksUri or jwks';
      context.addIssue({ code: 'custom', path: ['issuer'], message });
    }
  });

/** The same with its name among the resources. */
export const trustedIssuerSchema = trustedIssuerProperties.safeExtend({ name: z.string() });

export type TrustedIssuer = z.output<typeof trustedIssuerSchema>;
export type TrustedIssuerInput = z.input<typeof trustedIssuerSchema>;

const marks = new WeakMap<TrustedIssuer, string>();

/** Another one whenever the issuer's name, keys or audiences are others: what it vouched for before it does not any more. */
export function trustMark(trusted: TrustedIssuer): string {
  const { name, issuer, discovery, jwksUri, jwks, audiences } = trusted;
  const says = () => JSON.stringify([name, issuer, discovery, jwksUri, jwks, audiences.toSorted()]);
  const mark = marks.get(trusted) ?? createHash('sha256').update(says()).digest('base64url').slice(0, 16);
  marks.set(trusted, mark);
  return mark;
}
