import type { Columns } from '../../output/index.ts';

/** Who gets in by the public way. */
const network =
  "publicNetworkAccess == 'Disabled' && 'closed' || networkRuleSet.defaultAction == 'Deny' && 'rules' || 'open'";

export const registryColumns: Columns = {
  Name: 'name',
  LoginServer: 'loginServer',
  Sku: 'sku.name',
  Network: network,
  AdminEnabled: 'adminUserEnabled',
  AnonymousPull: "anonymousPullEnabled && 'all' || join(', ', anonymousPullRepositories || `[]`) || 'none'",
  CreationDate: 'creationDate',
};

export const adminColumns: Columns = {
  Username: 'username',
  Password: "passwords[?name=='password'].value | [0]",
  Password2: "passwords[?name=='password2'].value | [0]",
};
