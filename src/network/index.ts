export { type BlobAddresses, createBlobAddresses, type SignedBlob } from './blob-address.ts';
export { type CheckedNetworks, networkChecks } from './checks.ts';
export { dataHostOf, type NetworkConfig, networkConfig } from './config.ts';
export { connectionType, type ConnectionStatus, type DnsZone, linkResourceType, networkTypes } from './contract.ts';
export { type NetworkRefusal, type Origin, type Reach, reachOf, refuseOrigin } from './decide.ts';
export { checkedNetworksOf, type NetworkDirectory, type NetworkFacts, readNetworks } from './facts.ts';
export {
  connectionHandlers,
  linkResourceHandlers,
  type NetworkHandlerOptions,
  presentNetwork,
  registryKeyOf,
} from './handle-connections.ts';
