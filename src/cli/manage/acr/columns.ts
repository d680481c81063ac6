import type { Columns } from '../../output/index.ts';

export const registryColumns: Columns = {
  Name: 'name',
  LoginServer: 'loginServer',
  Sku: 'sku.name',
  AdminEnabled: 'adminUserEnabled',
  AnonymousPull: "anonymousPullEnabled && 'all' || join(', ', anonymousPullRepositories || `[]`) || 'none'",
  RoleAssignmentMode: 'roleAssignmentMode',
  CreationDate: 'creationDate',
};

export const adminColumns: Columns = {
  Username: 'username',
  Password: "passwords[?name=='password'].value | [0]",
  Password2: "passwords[?name=='password2'].value | [0]",
};
