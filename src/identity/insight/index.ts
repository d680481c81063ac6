export { explainHandlers } from './explain-access.ts';
export { explainManagementAccess } from './explain-contract.ts';
export { reportOn } from './test-token.ts';
export { testToken, type TokenReport } from './test-token-contract.ts';
