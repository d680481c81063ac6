import { expect, test } from 'bun:test';
import { admissionExceptionType, admissionPolicyType } from '../admission/index.ts';
import { identityTypes } from '../identity/index.ts';
import { idOf } from '../operations/index.ts';
import { connectionType } from '../network/index.ts';
import { registryType } from '../registries/index.ts';
import { replicationType } from '../replication/index.ts';
import { tierType } from '../tiers/index.ts';
import { missingText } from './missing.ts';

const types = [registryType, tierType, connectionType, replicationType, admissionPolicyType, admissionExceptionType];

test.each([...types, ...identityTypes])('each type that there is can be missed in words: $type', (type) => {
  const names = type.path.split('/').map((_, index) => `name${index}`);
  const text = missingText(`the resource ${idOf(type, names)} was not found`);
  expect(text).toMatch(
    /^there is no [a-z ]+ name\d(?: of [a-z]+ name0)?; bonded [a-z -]+(?: name0)? shows what there is$/,
  );
});

test.each([
  [
    'the resource /subscriptions/S/resourceGroups/G/providers/Microsoft.ContainerRegistry/registries/main/tokens/ci was not found',
    'there is no token ci of registry main; bonded token list --registry main shows what there is',
  ],
  [
    'the resource /providers/Microsoft.ManagedIdentity/userAssignedIdentities/a/federatedIdentityCredentials/b was not found',
    'there is no federated credential b of identity a; bonded identity federated-credential list --identity-name a shows what there is',
  ],
  [
    'the resource /providers/MICROSOFT.managedidentity/USERassignedidentities/a that this one belongs to was not found; create that first',
    'there is no identity a; bonded identity list shows what there is',
  ],
  ['the resource /providers/Microsoft.Other/things/a was not found', undefined],
  ['nothere is no token of this registry', undefined],
  ['a / b', undefined],
])('%p is told as %p', (message, text) => {
  expect(missingText(message)).toBe(text);
});
