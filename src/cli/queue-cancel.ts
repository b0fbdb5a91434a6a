export interface QueueCancelFlags {
  all?: boolean;
  now?: boolean;
  stateDir?: string;
}
export function queueCancel(_task: string | undefined, _flags: QueueCancelFlags): Promise<number> {
  throw new Error('soon');
}
