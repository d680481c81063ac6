export { type AuditEntry, createAudit, type Audit } from './audit.ts';
