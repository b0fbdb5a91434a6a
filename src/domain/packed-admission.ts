/** An admission as it travels: what all tickets have in common is said once, because a history keeps every byte of it. */
import type { Admission } from './batch.ts';
import type { TaskTicket } from './task.ts';

export interface PackedAdmission extends Omit<Admission, 'tasks'> {
  /** Of every ticket. Absent in histories of earlier builds, whose tickets are whole. */
  common?: Partial<TaskTicket>;
  /** What is each ticket's own. */
  tasks: Partial<TaskTicket>[];
}

export function packAdmission({ tasks, ...admission }: Admission): PackedAdmission {
  const [first, ...others] = tasks;
  if (first === undefined || others.length === 0) return { ...admission, tasks };
  const isCommon = ([name, value]: [string, unknown]) =>
    others.every((other) => other[name as keyof TaskTicket] === value);
  const common: Partial<TaskTicket> = Object.fromEntries(Object.entries(first).filter(isCommon));
  const isOwn = ([name]: [string, unknown]) => !(name in common);
  const own = (ticket: TaskTicket): Partial<TaskTicket> =>
    Object.fromEntries(Object.entries(ticket).filter(isOwn));
  return { ...admission, common, tasks: tasks.map(own) };
}

export function unpackAdmission({ common, tasks, ...admission }: PackedAdmission): Admission {
  return { ...admission, tasks: tasks.map((own) => ({ ...common, ...own }) as TaskTicket) };
}
