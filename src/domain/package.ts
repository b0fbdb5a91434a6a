/** `imgproof-package.json`: what an exported evidence package holds (issue "Proof", export). */
export const PACKAGE_FILE = 'imgproof-package.json';

export interface PackageRecord {
  schema_version: number;
  batch_id: string;
  batch_name: string;
  exported_at: string;
  /** Folder of the batch below the package, with `/`. */
  batch_dir: string;
  /** Workflow histories in it, by file; empty when no Temporal server was asked or had any. */
  histories: string[];
  /** Files below `evidence/`. */
  files: number;
  /** Files of the batch's folders, and references, that are not in it, and why; absent in packages of earlier versions. */
  left_out?: string[];
}
