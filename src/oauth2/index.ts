export { createOauth2, type Oauth2Exchange, type Oauth2Options } from './handle.ts';
