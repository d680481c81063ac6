import { buildRouteMap } from '@stricli/core';
import { explain } from './explain.ts';

export const accessRoutes = buildRouteMap({ routes: { explain }, docs: { brief: 'Who may do what, and why' } });
