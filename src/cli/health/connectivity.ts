import { certificateOf, lookUp, OutboundError } from '../../outbound/index.ts';
import type { Place } from '../find-login.ts';
import { shown } from '../output/index.ts';
import { failed, type Finding, ok, skipped, warning } from './finding.ts';

const dnsMs = 10_000;
const tlsMs = 5000;
const callMs = 15_000;
const dayMs = 86_400_000;
/** By what the environment may name a proxy, which looks names up itself. */
const proxies = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
/** A certificate that ends sooner is told of. */
const soonDays = 14;
/** Differences of clocks (ms): what is worth a word, and what breaks tokens and certificates. */
const skewMs = { notable: 30_000, broken: 300_000 };

export async function checkName({ server, surroundings }: Place): Promise<Finding> {
  const { hostname } = new URL(server.origin);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = await lookUp(host, dnsMs);
  if (addresses.length > 0) return ok('dns', `${host} is ${addresses.slice(0, 4).join(', ')}`);
  if (proxies.some((name) => surroundings.environment[name])) {
    return skipped('dns', `${host} has no address here; the proxy that the environment names may know it`);
  }
  const fix = 'check how it is written, and the DNS servers of this machine (/etc/resolv.conf)';
  return failed('dns', 'CONNECTIVITY_DNS_ERROR', `${host} has no address`, fix);
}

export async function checkCertificate({ server, surroundings }: Place): Promise<Finding> {
  const { origin, host } = server;
  if (!origin.startsWith('https:')) {
    if (server.isHere) return ok('tls', `${host} is on this machine and spoken to by plain http`);
    const fix = 'give the server a certificate (tls.certificate), or put a proxy with one before it';
    return warning(
      'tls',
      'CONNECTIVITY_SSL_ERROR',
      `${host} is spoken to by plain http: tokens can be read on the way`,
      fix,
    );
  }
  const refusal = await surroundings.call(`${origin}/v2/`, { timeoutMs: callMs }).then(
    () => undefined,
    (error: unknown) => error,
  );
  const certificate = await certificateOf(origin, tlsMs);
  if (refusal instanceof OutboundError && refusal.reason === 'tls_refused') {
    const by = certificate ? `; it was signed by ${shown(certificate.issuer)}` : '';
    const fix = `trust its authority: bonded login ${host} --ca FILE, or SSL_CERT_FILE; plain http needs http://${host}`;
    return failed('tls', 'CONNECTIVITY_SSL_ERROR', `${refusal.message}${by}`, fix);
  }
  // Whether it answers at all is the next question.
  if (refusal !== undefined || !certificate) return skipped('tls', 'no direct connection by TLS came about');
  const days = Math.floor((certificate.endsAt - surroundings.now()) / dayMs);
  const said = `the certificate of ${host} is trusted, for ${days} more days`;
  if (days >= soonDays) return ok('tls', said);
  return warning('tls', 'CONNECTIVITY_SSL_ERROR', said, 'renew it');
}

/** Asks `/v2/` as somebody unknown, who is to be told where to get a token (acr §2.1), and compares the clocks. */
export async function checkChallenge({ server, surroundings }: Place): Promise<Finding[]> {
  const { origin, host } = server;
  const check = 'challenge';
  let answer: Response;
  const sent = surroundings.now();
  try {
    answer = await surroundings.call(`${origin}/v2/`, { timeoutMs: callMs });
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    const fix = 'check that the server runs, its host and port, and firewalls on the way';
    return [failed(check, 'CONNECTIVITY_ERROR', error.message, fix)];
  }
  const between = (sent + surroundings.now()) / 2;
  return [challengeFinding(), ...clockFinding(answer.headers.get('date'), between)];

  function challengeFinding(): Finding {
    const { status, headers } = answer;
    const challenge = headers.get('www-authenticate');
    if (status === 403) {
      const fix =
        'let this address in (bonded acr network-rule add), or come by a private endpoint; bonded acr show says what is open';
      return failed(check, 'CONNECTIVITY_FORBIDDEN_ERROR', `${host} refuses this machine`, fix);
    }
    if (status === 429) {
      const after = headers.get('retry-after') ?? 'some';
      const fix = `wait ${shown(after)} s; a higher tier has a higher limit`;
      return failed(check, 'CONNECTIVITY_TOOMANYREQUESTS_ERROR', `${host} is asked too often from here`, fix);
    }
    const realm = /realm="([^"]*)"/.exec(challenge ?? '')?.[1];
    if (status !== 401 || realm === undefined || !/^bearer\s/i.test(challenge!)) {
      const fix = 'check host and port; a proxy before the server must hand on WWW-Authenticate';
      return failed(check, 'CONNECTIVITY_CHALLENGE_ERROR', `${host} answers /v2/ with ${status} and no challenge`, fix);
    }
    const wanted = `${origin}/oauth2/token`;
    if (realm === wanted) return ok(check, `${host} asks for a token of its own`);
    const fix = 'set publicUrl of the server to the address that clients use, or use that address';
    return warning(
      check,
      'CONNECTIVITY_CHALLENGE_ERROR',
      `clients get their tokens from ${shown(realm)}, not from ${wanted}`,
      fix,
    );
  }
}

function clockFinding(date: string | null, now: number): Finding[] {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return [];
  // The header has whole seconds.
  const skew = theirs + 500 - now;
  const seconds = Math.round(Math.abs(skew) / 1000);
  if (Math.abs(skew) < skewMs.notable) return [ok('clock', `the clocks differ by ${seconds} s at most`)];
  const finding = Math.abs(skew) < skewMs.broken ? warning : failed;
  const said = `the clock of the server is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} the one here`;
  return [finding('clock', 'CLOCK_SKEW_ERROR', said, 'let both be set by NTP: tokens begin and end by the clock')];
}

/** Whether the server itself can work: its database and its storage answer. */
export async function checkReadiness({ server, surroundings }: Place): Promise<Finding> {
  const check = 'server';
  const answer = await surroundings.call(`${server.origin}/readyz`, { timeoutMs: callMs }).catch(() => undefined);
  if (!answer) return skipped(check, 'it cannot be reached');
  const said = shown((await answer.text()).trim()).slice(0, 60);
  if (answer.status === 200) return ok(check, 'its database and its storage answer');
  if (answer.status !== 503) return skipped(check, `/readyz is not served here (${answer.status})`);
  const fix = 'its log says why; on its machine: bonded ready';
  return failed(check, 'SERVER_NOT_READY_ERROR', `the server is not ready: ${said}`, fix);
}
