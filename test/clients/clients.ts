import { buildah } from './buildah.ts';
import type { ClientTest } from './client-test.ts';
import { crane } from './crane.ts';
import { ctr } from './ctr.ts';
import { curl } from './curl.ts';
import { denial } from './denial.ts';
import { docker } from './docker.ts';
import { helm } from './helm.ts';
import { oras } from './oras.ts';
import { podman } from './podman.ts';
import { buildkit } from './replay/buildkit.ts';
import { chunks } from './replay/chunks.ts';
import { docker28 } from './replay/docker-28.ts';
import { docker29 } from './replay/docker-29.ts';
import { skopeo } from './skopeo.ts';
import { umoci } from './umoci.ts';

/** Every client and what it is tested for. */
export const clients: Record<string, readonly ClientTest[]> = {
  skopeo,
  buildah,
  podman,
  umoci,
  crane,
  oras,
  helm,
  ctr,
  curl,
  docker,
  'Docker 28': docker28,
  'Docker 29': docker29,
  BuildKit: buildkit,
  chunks,
  'A denial': denial,
};
