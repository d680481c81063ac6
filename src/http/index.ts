export { isInTheClear, type ListenerFacts, listenerChecks } from './checks.ts';
export { httpConfig } from './config.ts';
export type { Exchange } from '../exchange/index.ts';
export { createHostTable, type HostTable, isLoopback } from './hosts.ts';
export { ListenError } from './listen.ts';
export { listenOnReserved, type ReservedPorts } from './reserve-ports.ts';
export { createRegionOf, regionsConfig } from './regions.ts';
export { type HttpServer, type ServerOptions, startServer } from './server.ts';
export { loadTls, type TlsFiles } from './tls.ts';
