export { configRoutes } from './check-config.ts';
export { fsck } from './fsck.ts';
export { gc } from './gc.ts';
export { nodes } from './nodes.ts';
export { ready } from './ready.ts';
export { serve } from './serve.ts';
export { worker } from './worker.ts';
