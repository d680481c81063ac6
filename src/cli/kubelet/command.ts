import { buildCommand } from '@stricli/core';
import type { Context } from '../context.ts';
import { clouds, type KubeletFlags } from './flags.ts';
import { describe } from '../describe.ts';

const text = { kind: 'parsed', parse: String, optional: true } as const;

/** What the kubelet starts as `bonded-credential-provider`. */
export const kubeletCredentialProvider = buildCommand<KubeletFlags, [], Context>({
  docs: {
    brief: 'Give the kubelet what it pulls images with: credentialprovider.kubelet.k8s.io/v1',
    fullDescription: describe(
      'The kubelet starts this for each pull from a registry that its configuration names. It exchanges the token of the ' +
        "pod's service account (tokenAttributes), or else what the node has, for a login that ends by itself. Needs no secret.",
    ),
  },
  parameters: {
    flags: {
      plainHttp: { kind: 'boolean', default: false, brief: 'Speak plain http to the registry' },
      ca: { ...text, brief: 'PEM file of the authority of its certificate', placeholder: 'file' },
      hostAnnotation: {
        kind: 'parsed',
        parse: String,
        default: 'bonded/host',
        brief: 'Annotation of the service account with another host to log in at',
        placeholder: 'key',
      },
      tokenFile: { ...text, brief: 'Without a token of the pod: file with one of the node', placeholder: 'file' },
      node: {
        kind: 'enum',
        values: clouds,
        optional: true,
        brief: 'Without a token of the pod: the identity of the machine',
      },
      audience: { ...text, brief: 'Audience of the token of the machine', placeholder: 'name' },
    },
  },
  async func(flags) {
    const { provideCredentials } = await import('./provide.ts');
    await provideCredentials(this, flags);
  },
});
