export { configRoutes } from './check-config.ts';
export { gc } from './gc.ts';
export { serve } from './serve.ts';
