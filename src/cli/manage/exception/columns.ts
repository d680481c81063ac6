/** What a table shows of exceptions. */
export const columns = {
  Name: 'name',
  Vulnerability: 'vulnerability',
  State: 'state',
  Repositories: "join(', ', repositories)",
  Packages: "join(', ', packages)",
  Expires: 'expiresOn',
  ApprovedBy: 'approvedBy',
};
