/** The workflow types people can start, and one that stands for all they can't. */
export { imageBatch } from './image-batch.ts';
export { imageTask } from './image-task.ts';

/** Never runs: the interceptor refuses the type. Without it the first workflow task of an unknown type would loop (DESIGN 2.1). */
export default async function unknownWorkflowType(): Promise<void> {}
