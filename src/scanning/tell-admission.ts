import { keepEvidence, packEvidence, type ScanEvidence } from '../admission/index.ts';
import { registriesOf } from '../catalog/index.ts';
import type { Database } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';

/** Tells admission of an image of which there is no inventory, in each registry that has it. */
export async function tellAdmission(db: Database, digest: Digest, evidence: ScanEvidence): Promise<void> {
  const registries = [...((await registriesOf(db, [digest])).get(digest) ?? [])];
  const packed = packEvidence(evidence);
  await db.write(async (tx) =>
    keepEvidence(
      tx,
      registries.map((registryId) => ({ registryId, digest, evidence: packed })),
      evidence.scannedAt,
    ),
  );
}
