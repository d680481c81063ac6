import { type Oauth2Exchange, type Oauth2Options, doorOf } from './exchange.ts';

/** The public keys that tokens of this registry are verified with (RFC 7517 §5). */
export function keySet({ identification }: Oauth2Options): Response {
  return Response.json(identification.keys.jwks(), { headers: { 'Cache-Control': 'public, max-age=300' } });
}

/** Where the parts of the token protocol are (OpenID Connect Discovery 1.0 §3). */
export function discovery(_: Oauth2Options, exchange: Oauth2Exchange): Response {
  const { origin } = doorOf(exchange);
  return Response.json({
    issuer: origin,
    token_endpoint: `${origin}/oauth2/token`,
    jwks_uri: `${origin}/oauth2/keys`,
    grant_types_supported: ['refresh_token', 'password'],
    response_types_supported: ['token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic'],
    claims_supported: ['jti', 'sub', 'iss', 'aud', 'iat', 'nbf', 'exp', 'access', 'grant_type'],
  });
}
