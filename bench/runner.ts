/** The two ways the same images are made. */
import type { Command, Metered } from './meter.ts';

export type RunnerName = 'loop' | 'imgproof';

export interface Order {
  /** Different for every run; a file name. */
  label: string;
  baseUrl: string;
  /** Of every picture, as the API writes it. */
  size: string;
  tasks: { name: string; prompt: string }[];
}

/** What a run says it has made, to be checked against the disk and the provider's log. */
export interface Delivered {
  task: string;
  imagePath: string | null;
  resultJson: string | null;
}

export interface Runner {
  name: RunnerName;
  /** Processes beside the command that work for it, by name. */
  standing: () => Promise<Record<string, number>>;
  /** Write the inputs; everything that is not to be measured. */
  prepare: (order: Order) => Promise<Command>;
  delivered: (order: Order, run: Metered) => Delivered[];
}
