import type { Shape } from '../shape.ts';
import { advisoryUpdate } from './advisory-update.ts';
import { authenticatedGet } from './authenticated-get.ts';
import { baseLayer } from './base-layer.ts';
import { blobPull } from './blob-pull.ts';
import { blobPush } from './blob-push.ts';
import { gatedGet } from './gated-get.ts';
import { manifestGet } from './manifest-get.ts';
import { layers } from './layers.ts';
import { pushInGc } from './push-in-gc.ts';
import { pullStorm } from './pull-storm.ts';
import { rates } from './rates.ts';
import { referrers } from './referrers.ts';
import { scannedImages } from './scanned-images.ts';
import { pushBesideScans } from './push-beside-scans.ts';
import { scans } from './scans.ts';
import { slowUploads } from './slow-uploads.ts';
import { smallPush } from './small-push.ts';
import { start } from './start.ts';
import { steadyLatency } from './steady-latency.ts';
import { steadyNodes } from './steady-nodes.ts';
import { storageLimits } from './storage-limits.ts';
import { tagList } from './tag-list.ts';
import { tokens } from './tokens.ts';
import { zb } from './zb.ts';

/** In the order in which they run and are reported. */
export const shapes: readonly Shape[] = [
  blobPull,
  blobPush,
  manifestGet,
  authenticatedGet,
  gatedGet,
  rates,
  tokens,
  smallPush,
  storageLimits,
  baseLayer,
  pullStorm,
  tagList,
  referrers,
  steadyLatency,
  steadyNodes,
  slowUploads,
  pushInGc,
  advisoryUpdate,
  layers,
  scans,
  pushBesideScans,
  scannedImages,
  zb,
  start,
];
