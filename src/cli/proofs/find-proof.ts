import { awsProof } from './aws.ts';
import { azureProof } from './azure.ts';
import { googleProof } from './google.ts';
import { kubernetesProof } from './kubernetes.ts';
import { operatorProof } from './operator.ts';
import { githubProof, gitlabProof } from './pipelines.ts';
import type { FindProof } from './proof.ts';

/** Ways to prove who one is without a person, in the order in which they are tried: what costs nothing comes first. */
export const ambient = {
  operator: operatorProof,
  kubernetes: kubernetesProof,
  github: githubProof,
  gitlab: gitlabProof,
  azure: azureProof,
  google: googleProof,
  aws: awsProof,
} as const satisfies Record<string, FindProof>;

export type AmbientMethod = keyof typeof ambient;
