/** An admission as it travels: what all tickets have in common is said once, because a history keeps every byte of it. */
import type { Admission } from './batch.ts';
import { commonFields, ownFields } from './common-fields.ts';
import type { TaskTicket } from './task.ts';

export interface PackedAdmission extends Omit<Admission, 'tasks'> {
  /** Of every ticket. Absent in histories of earlier builds, whose tickets are whole. */
  common?: Partial<TaskTicket>;
  /** What is each ticket's own. */
  tasks: Partial<TaskTicket>[];
}

export function packAdmission({ tasks, ...admission }: Admission): PackedAdmission {
  const common = commonFields(tasks);
  return { ...admission, common, tasks: tasks.map((ticket) => ownFields(ticket, common)) };
}

export function unpackAdmission({ common, tasks, ...admission }: PackedAdmission): Admission {
  return { ...admission, tasks: tasks.map((own) => ({ ...common, ...own }) as TaskTicket) };
}
