/** A task as its page in Temporal's Web UI tells it while it lives (SPEC T2). */
import { moneyFacts } from './cost.ts';
import type { TaskEnd } from './records.ts';
import { MODE_NAMES, type TaskOrder } from './task.ts';
import { plain, workflowLink } from './ui-text.ts';

export type TaskStage = 'generating' | 'recording' | TaskEnd;

/** Markdown, line by line. `batchId` null: it was started alone. */
export function taskDetails(order: TaskOrder, stage: TaskStage, batchId: string | null): string[] {
  const { mode, provider, model, size, references, index, task_name, batch_dir, order_file } = order;
  const made = [MODE_NAMES[mode], plain(`${provider}/${model}`), size];
  const inputs = references === 0 ? [] : [`${references} reference image${references === 1 ? '' : 's'}`];
  const folder = [batch_dir, ...order_file.split('/').slice(0, -1)].join('/').replaceAll('`', '');
  return [
    stageText(stage),
    '',
    `> “${plain(order.prompt_start ?? '')}”`,
    '',
    [...made, ...inputs].join(' · '),
    '',
    batchId === null
      ? plain(task_name)
      : `Task ${index}, ${plain(task_name)}, of ${workflowLink(batchId, batchId)}`,
    '',
    `Limits: ${order.timeout_ms / 1000} s for one request, ${counted(order.max_attempts)}`,
    '',
    `Folder: \`${folder}\``,
  ];
}

function counted(requests: number): string {
  return `${requests} request${requests === 1 ? '' : 's'}`;
}

function stageText(stage: TaskStage): string {
  switch (stage) {
    case 'generating':
      return '**Making the image.** Request, waits and the next try: **Pending Activities**.';
    case 'recording':
      return '**Recording**: the last words go to the folder.';
    default:
      return endText(stage);
  }
}

function endText({ status, image_path, error, attempts_count, billing }: TaskEnd): string {
  const cost = `${counted(attempts_count)}: ${billing.yes} charged, ${billing.possible} possibly, ${billing.no} not`;
  const what = image_path === null ? plain(error ?? 'no image') : `\`${image_path.replaceAll('`', '')}\``;
  const told = [cost, ...moneyFacts(billing)].join(', ');
  return `**${status.replaceAll('_', ' ')}** · ${what} (${told})`;
}
