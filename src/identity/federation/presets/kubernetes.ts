import { textClaim } from '../claim-value.ts';
import { anyUrl, isExact, pinnedPart, type Preset } from './preset.ts';

const prefix = 'system:serviceaccount:';
const inside = (name: string) => `/kubernetes.io/${name}`;

/**
 * Service accounts of a Kubernetes cluster, those of EKS, GKE and AKS included: projected tokens
 * (kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin).
 */
export const kubernetes: Preset = {
  title: 'Kubernetes service accounts',
  parameters: {
    issuer: { ...anyUrl, description: 'What `kubectl get --raw /.well-known/openid-configuration` names.' },
  },
  defaults: ({ issuer = '' }) => ({ issuer, audiences: [] }),
  subjectClaim: 'sub',
  groupsClaim: 'groups',
  lacksGroups: () => false,
  describe(claims) {
    const subject = textClaim(claims, 'sub') ?? '';
    const named = subject.startsWith(prefix) ? subject.slice(prefix.length).split(':') : [];
    const namespace = textClaim(claims, inside('namespace')) ?? named[0];
    const account = textClaim(claims, inside('serviceaccount/name')) ?? named[1];
    const known = namespace !== undefined && account !== undefined;
    return { name: known ? `${namespace}/${account}` : subject, kind: 'service account' };
  },
  claims: [
    { claim: 'sub', description: '`system:serviceaccount:NAMESPACE:NAME`.', trust: 'reusable' },
    { claim: inside('namespace'), description: 'Namespace.', trust: 'reusable' },
    { claim: inside('serviceaccount/name'), description: 'Name of the service account.', trust: 'reusable' },
    {
      claim: inside('serviceaccount/uid'),
      description: 'UID of the account; another of that name has another.',
      trust: 'stable',
    },
    { claim: inside('pod/name'), description: 'Pod that the token is bound to.', trust: 'chosen' },
    { claim: inside('node/name'), description: 'Node on which the pod runs.', trust: 'reusable' },
  ],
  review(pattern) {
    const namespaceOfSubject = /^system:serviceaccount:[^:*]+:/.test(pinnedPart(pattern, 'sub'));
    const namespaced = namespaceOfSubject || isExact(pattern, inside('namespace'));
    if (!namespaced && !isExact(pattern, inside('serviceaccount/uid'))) {
      return [{ severity: 'high', why: 'leaves the namespace open: whoever may create one in the cluster fits' }];
    }
    const account = isExact(pattern, 'sub') || isExact(pattern, inside('serviceaccount/name'));
    if (account || isExact(pattern, inside('serviceaccount/uid'))) return [];
    return [{ severity: 'medium', why: 'leaves the account open: whoever may create pods in the namespace fits' }];
  },
};
