/** Where a canary is left after an activity's test (SPEC F9). */
import { existsSync } from 'node:fs';
import { type ActivityWorld, WORLDS } from './activity-world.ts';
import { bytesBelow, canariesInPlaces, textsIn } from './canary.ts';

/**
 * The provider of these cases repeats key and header in every way it can (`support/canary.ts`). Neither is anywhere
 * afterwards but in the config: in no file, in nothing that Temporal or a log was told, in nothing that was printed.
 */
export function canariesAfter(printed = ''): string[] {
  return [{ printed }, ...WORLDS.flatMap(placesOf)].flatMap(canariesInPlaces);
}

/** Its folders, and what was told; a spool or an output folder may be elsewhere. */
function placesOf({ folder, outputDir, spoolDir, told }: ActivityWorld): Record<string, string>[] {
  const { 'config.json': _, ...own } = bytesBelow(folder);
  const others = [outputDir, spoolDir].filter((place) => !place.startsWith(folder) && existsSync(place));
  return [{ told: textsIn(told) }, own, ...others.map(bytesBelow)];
}
