import { buildRouteMap } from '@stricli/core';
import { exportBundle } from './export.ts';
import { remove } from './remove.ts';
import { status } from './status.ts';
import { sync } from './sync.ts';

export const advisoryRoutes = buildRouteMap({
  routes: { sync, status, export: exportBundle, remove },
  docs: { brief: 'Advisories: what the server knows of vulnerabilities' },
});
